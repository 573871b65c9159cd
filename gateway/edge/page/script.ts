/**
 * What the browser runs: it keeps the page up to date, and sends the form without leaving the page. The
 * page is whole without it.
 */
export const SCRIPT = `'use strict'

const parse = text => new DOMParser().parseFromString(text, 'text/html')

// New items go in beside those that are there: one that is open, or has the focus, stays as it is.
const mergeList = (shown, fresh) => {
  const items = [...fresh.children]
  const ids = new Set(items.map(item => item.id))
  for (const old of [...shown.children]) if (!ids.has(old.id)) old.remove()
  let at = shown.firstElementChild
  for (const item of items) {
    if (at && at.id === item.id) at = at.nextElementSibling
    else shown.insertBefore(document.getElementById(item.id) || document.adoptNode(item), at)
  }
}

const take = html => {
  for (const fresh of parse(html).querySelectorAll('[data-live]')) {
    const shown = document.getElementById(fresh.id)
    if (!shown || shown.outerHTML === fresh.outerHTML) continue
    if (fresh.dataset.live === 'list') mergeList(shown, fresh)
    else if (fresh.dataset.live === 'inside') {
      shown.className = fresh.className
      shown.replaceChildren(...document.adoptNode(fresh).childNodes)
    } else shown.replaceWith(document.adoptNode(fresh))
  }
}

const liveness = document.getElementById('liveness')
const clock = liveness.previousElementSibling
liveness.textContent = 'Connecting …'
const events = new EventSource('events')
events.addEventListener('open', () => {
  liveness.textContent = 'Live: new figures every 3 s.'
})
events.addEventListener('error', () => {
  liveness.textContent = 'Not live: the gateway does not answer. Trying again …'
  if (events.readyState === EventSource.CLOSED) liveness.textContent = 'Not live: load the page again.'
})
events.addEventListener('page', event => {
  const { at, html } = JSON.parse(event.data)
  clock.textContent = at
  take(html)
})

const form = document.getElementById('explain-form')
form.addEventListener('submit', async event => {
  event.preventDefault()
  const button = form.querySelector('button')
  button.disabled = true
  const show = node => {
    const answer = document.getElementById('answer')
    answer.replaceWith(node)
    node.focus()
  }
  try {
    const body = new URLSearchParams(new FormData(form))
    const response = await fetch(form.action, { method: 'POST', body })
    const node = parse(await response.text()).getElementById('answer')
    if (!node) throw new Error('status ' + response.status)
    show(document.adoptNode(node))
  } catch (error) {
    const node = document.createElement('div')
    node.id = 'answer'
    node.className = 'answer bad'
    node.tabIndex = -1
    node.textContent = 'The gateway did not answer: ' + error.message
    show(node)
  }
  button.disabled = false
})
`
