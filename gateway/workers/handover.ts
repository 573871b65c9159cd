import type { ChildProcess } from 'node:child_process'

/**
 * The primary process hands each connection to a worker and waits for the worker's word. Node forgets a
 * connection where that word never comes, since the worker has died, and one that every worker has
 * refused, since all have stopped listening: the caller would wait for ever. So this listens in on the
 * messages of node:cluster, gives the missing word, and closes what nobody is there to take.
 */
export interface Handover {
  readonly watch: (child: ChildProcess) => void
}

/** A connection as node:cluster passes it around. */
interface Handle {
  readonly close: () => void
}

/** What node:cluster says through the channel (`lib/internal/cluster`). */
interface ClusterMessage {
  readonly act?: 'newconn' | 'queryServer' | 'close'
  readonly seq?: number
  readonly ack?: number
  readonly accepted?: boolean
}

/** @param beforeListening called before a worker is given the address that it wants to listen on */
export function createHandover(beforeListening: () => void): Handover {
  const listening = new Set<ChildProcess>()
  const refused = new Set<Handle>()

  /** With nobody left to listen, node:cluster has closed the address, and forgotten these. */
  const closeForgotten = () => {
    if (listening.size > 0) return
    for (const handle of refused) handle.close()
    refused.clear()
  }

  const watch = (child: ChildProcess) => {
    const offered = new Map<number, Handle>()
    const send = child.send.bind(child)
    child.send = (message: ClusterMessage, handle?: unknown, ...more: never[]) => {
      if (message.act === 'newconn' && message.seq !== undefined && isHandle(handle)) {
        refused.delete(handle)
        offered.set(message.seq, handle)
      }
      return Reflect.apply(send, child, [message, handle, ...more])
    }
    const hear = ({ act, ack, accepted }: ClusterMessage) => {
      if (act === 'queryServer') {
        listening.add(child)
        beforeListening()
      }
      if (act === 'close') listening.delete(child)
      const handle = ack === undefined ? undefined : offered.get(ack)
      if (ack === undefined || !handle) return
      offered.delete(ack)
      if (accepted) return
      // Before node:cluster hears of it and offers it to the next one.
      refused.add(handle)
    }
    // First of all: what is refused is offered to another worker before this returns.
    child.prependListener('internalMessage', hear)
    child.on('internalMessage', closeForgotten)
    sayDisconnected(child)
    child.once('disconnect', () => {
      listening.delete(child)
      for (const ack of [...offered.keys()]) {
        child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack, accepted: false })
      }
      closeForgotten()
    })
  }
  return { watch }
}

const isHandle = (value: unknown): value is Handle =>
  typeof value === 'object' && value !== null && 'close' in value

/** Milliseconds between two looks, and how often: what a dead worker has said last is still read. */
const LOOK_EVERY = 10
const LOOKS = 100

/**
 * Node does not tell of the end of a channel (`disconnect`) while a connection is on its way through it;
 * node:cluster then takes the dead worker for one that listens.
 */
function sayDisconnected(child: ChildProcess): void {
  let told = false
  child.once('disconnect', () => {
    told = true
  })
  const look = (left: number) => {
    if (told) return
    if (child.connected && left > 0) setTimeout(look, LOOK_EVERY, left - 1)
    else child.emit('disconnect')
  }
  child.once('exit', () => setTimeout(look, LOOK_EVERY, LOOKS))
}
