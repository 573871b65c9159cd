import { describe, expect, test } from 'vitest'
import { readTraceParent, withTraceParent } from '../../gateway/edge/traceparent.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const PARENT = { traceId: TRACE, spanId: SPAN, traceFlags: 1 }

describe('the traceparent of a caller', () => {
  test.each([
    ['sampled', `00-${TRACE}-${SPAN}-01`, PARENT],
    ['not sampled', `00-${TRACE}-${SPAN}-00`, { ...PARENT, traceFlags: 0 }],
    ['with flags that nobody knows', `00-${TRACE}-${SPAN}-ff`, PARENT],
    ['of a later version', `01-${TRACE}-${SPAN}-01-more`, PARENT],
  ])('is read: %s', (_, value, expected) => {
    expect(readTraceParent(['Host', 'a', 'TraceParent', value])).toEqual(expected)
  })
  test.each([
    ['with more than its version has', `00-${TRACE}-${SPAN}-01-more`],
    ['of no version', `ff-${TRACE}-${SPAN}-01`],
    ['in capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['of a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['that is too short', `00-${TRACE}-${SPAN}`],
    ['that is empty', ''],
  ])('is none: %s', (_, value) => {
    expect(readTraceParent(['traceparent', value])).toBeUndefined()
  })
  test('is none where there are two', () => {
    const value = `00-${TRACE}-${SPAN}-01`
    expect(readTraceParent(['traceparent', value, 'Traceparent', value])).toBeUndefined()
  })
})

test('the traceparent for the API takes the place of every other, behind Host', () => {
  const headers = [
    'Host',
    'a',
    'X-A',
    '1',
    'TraceParent',
    'x',
    'traceparent',
    'y',
    'Tracestate',
    's',
  ]
  const own = ['Host', 'a', 'traceparent', `00-${TRACE}-${SPAN}-01`, 'X-A', '1']
  expect(withTraceParent(headers, PARENT, true)).toEqual([...own, 'Tracestate', 's'])
  expect(withTraceParent(headers, PARENT, false)).toEqual(own)
})
