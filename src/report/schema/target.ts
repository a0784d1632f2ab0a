// What results can be meant for.

/** Runtimes a result can be meant for: onnxruntime on the CPU, and its WebAssembly build in browsers. */
export const targets = ['cpu', 'web'] as const;
export type Target = (typeof targets)[number];
