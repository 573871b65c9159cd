import wasm from 'undici/lib/llhttp/llhttp_simd-wasm.js'

/**
 * Node's own HTTP parser, strict in everything, as undici carries it: no other one reads what an
 * upstream says. Only what it found is written down here; what it means is decided by `parser.ts`.
 */
interface Llhttp {
  readonly memory: WebAssembly.Memory
  readonly malloc: (size: number) => number
  readonly llhttp_alloc: (type: number) => number
  readonly llhttp_free: (parser: number) => void
  /** 0, or why it stopped. */
  readonly llhttp_execute: (parser: number, at: number, length: number) => number
  readonly llhttp_finish: (parser: number) => number
  readonly llhttp_get_error_reason: (parser: number) => number
}

/** Where the parser tells what it found; the places are those of the bytes it was given. */
export interface Found {
  begin(): number
  reason(start: number, end: number): number
  field(start: number, end: number): number
  value(start: number, end: number): number
  /** 0 to go on, 1 where no body follows whatever the headers say, -1 to stop. */
  head(status: number, isUpgrade: boolean, keepAlive: boolean): number
  body(start: number, end: number): number
  complete(): number
}

const RESPONSE = 2

/** Bytes that are given to the parser at once. */
const ROOM = 64 * 1024

let listening: Found

const found =
  (tell: (start: number, end: number) => number) => (_: number, at: number, length: number) =>
    tell(at - room, at - room + length)

const llhttp = new WebAssembly.Instance(new WebAssembly.Module(wasm), {
  env: {
    wasm_on_message_begin: () => listening.begin(),
    wasm_on_url: () => 0,
    wasm_on_status: found((start, end) => listening.reason(start, end)),
    wasm_on_header_field: found((start, end) => listening.field(start, end)),
    wasm_on_header_value: found((start, end) => listening.value(start, end)),
    wasm_on_headers_complete: (_: number, status: number, upgrade: number, keepAlive: number) =>
      listening.head(status, upgrade === 1, keepAlive === 1),
    wasm_on_body: found((start, end) => listening.body(start, end)),
    wasm_on_message_complete: () => listening.complete(),
  },
}).exports as Llhttp

const room = llhttp.malloc(ROOM)
let memory = new Uint8Array(llhttp.memory.buffer, room, ROOM)

export const newParser = (): number => llhttp.llhttp_alloc(RESPONSE)
export const freeParser = (parser: number): void => llhttp.llhttp_free(parser)

/**
 * @param piece at most `ROOM` bytes
 * @returns why the bytes are no answer, if they are none
 */
export function execute(parser: number, piece: Uint8Array, tell: Found): string | undefined {
  // It is another buffer once the memory has grown.
  if (memory.buffer !== llhttp.memory.buffer) {
    memory = new Uint8Array(llhttp.memory.buffer, room, ROOM)
  }
  memory.set(piece)
  listening = tell
  return llhttp.llhttp_execute(parser, room, piece.length) === 0 ? undefined : reasonOf(parser)
}

/** The bytes have ended; an answer that only the end delimits is complete with it. */
export function finish(parser: number, tell: Found): void {
  listening = tell
  llhttp.llhttp_finish(parser)
}

function reasonOf(parser: number): string {
  const at = llhttp.llhttp_get_error_reason(parser)
  const bytes = new Uint8Array(llhttp.memory.buffer, at)
  return at === 0 ? '' : Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString('latin1')
}
