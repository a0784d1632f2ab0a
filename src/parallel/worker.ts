// What runs in a worker thread: finds the task by module and name, and runs it.

export interface WorkerCall {
  readonly module: string;
  readonly exportName: string;
  readonly input: unknown;
}

export async function runInWorker(call: WorkerCall): Promise<unknown> {
  const exported: Record<string, { run(input: unknown): unknown }> = await import(call.module);
  return exported[call.exportName].run(call.input);
}
