import { defineConfig } from 'rolldown'

/**
 * The program that is published: one file for what is always needed, and one for each command. In
 * CommonJS, since `import` of `node:http` makes Node load its WebSocket and fetch as well.
 */
export default defineConfig({
  input: 'gateway/main.ts',
  platform: 'node',
  output: {
    dir: 'dist',
    format: 'cjs',
    entryFileNames: 'main.cjs',
    chunkFileNames: '[name]-[hash].cjs',
    minify: { mangle: false, compress: true, codegen: true },
    cleanDir: true,
  },
})
