/** What is used here of the WebAssembly of browsers and of Node, so that neither's types have to be there. */
export interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** A compiled module, which says nothing of itself. */
export interface CompiledModule {
  readonly compiled?: never
}

interface Api {
  compile(bytes: Uint8Array): Promise<CompiledModule>
  instantiate(module: CompiledModule, imports: object): Promise<{ readonly exports: unknown }>
}

export const webAssembly = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly
