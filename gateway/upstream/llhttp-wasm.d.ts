declare module 'undici/lib/llhttp/llhttp_simd-wasm.js' {
  const wasm: Buffer<ArrayBuffer>
  export default wasm
}

/** As much of it as is used; its types come with those of browsers otherwise. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Buffer<ArrayBuffer>)
  }
  class Instance {
    readonly exports: unknown
    constructor(module: Module, imports: object)
  }
  interface Memory {
    readonly buffer: ArrayBuffer
  }
}
