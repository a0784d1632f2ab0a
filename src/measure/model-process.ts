// A model in a process of its own, seen from the measuring process: its memory is the model's alone, and nothing that
// onnxruntime does to it (an abort included) reaches the caller.
import { fileURLToPath } from 'node:url';
import { execaNode } from 'execa';
import { aborted, DsoptError, internalError, unsupportedModel } from '../errors.js';
import type { Replies, Reply, Request } from './protocol.js';

const childScript = fileURLToPath(new URL('./child.js', import.meta.url));

type Child = ReturnType<typeof startChild>;

export class ModelProcess {
  private readonly path: string;
  private readonly signal: AbortSignal | undefined;
  private readonly child: Child;
  private gone = false;

  /** `signal` ends the process at once. */
  constructor(path: string, signal?: AbortSignal) {
    this.path = path;
    this.signal = signal;
    this.child = startChild(signal);
    // How the process ended is told by the request that was waiting for it.
    this.child.catch(() => undefined);
  }

  /** Sends a request and waits for its reply. Throws what the process threw, or MODEL_UNSUPPORTED when it died. */
  async request<Kind extends Request['kind']>(request: Request & { kind: Kind }): Promise<Replies[Kind]> {
    let reply: Reply;
    try {
      const answer = this.child.getOneMessage();
      await this.child.sendMessage(request as never);
      reply = (await answer) as unknown as Reply;
    } catch (cause) {
      throw await this.death(cause);
    }
    if (reply.kind === 'failed')
      throw new DsoptError(reply.code, reply.message, reply.hint === null ? {} : { hint: reply.hint });
    return reply.value as Replies[Kind];
  }

  /** Whether a request found the process gone. */
  get died(): boolean {
    return this.gone;
  }

  end(): void {
    this.child.kill();
  }

  private async death(cause: unknown): Promise<Error> {
    if (this.signal?.aborted) return aborted(this.signal.reason);
    this.gone = true;
    const result = await this.child.catch((error: Awaited<Child>) => error);
    if (!result.failed) return internalError(`The process measuring ${this.path} ended early`, cause);
    const how = result.signal ? `was ended by ${result.signal}` : `ended with code ${result.exitCode}`;
    const said = String(result.stderr ?? '').trim();
    return unsupportedModel(
      `onnxruntime gave up on ${this.path}: its process ${how}${said ? `: ${said.slice(-400)}` : ''}`,
      'The model may need more memory than there is, or meet a defect of onnxruntime.',
      cause,
    );
  }
}

function startChild(signal: AbortSignal | undefined) {
  return execaNode(childScript, {
    ipc: true,
    serialization: 'json',
    nodeOptions: [],
    stdin: 'ignore',
    stdout: 'ignore',
    forceKillAfterDelay: 500,
    ...(signal && { cancelSignal: signal }),
  });
}
