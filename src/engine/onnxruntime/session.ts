// A session of onnxruntime-node behind the engine seam: our tensors in and out, profiles from a temporary folder.
import { rmSync } from 'node:fs';
import { unsupportedModel } from '../../errors.js';
import { type Dimension, type TensorType, tensorType } from '../../ir/index.js';
import type { DataType, Tensor } from '../../tensor/index.js';
import type { Feeds, ProfileEvent, Session, ValueInfo } from '../engine.js';
import type { InterfaceTypes } from './adapt-interface.js';
import { carrierOf, isNative } from './carriers.js';
import { engineFailure } from './failure.js';
import { fromNative, type NativeTensor, toNative } from './native-tensor.js';
import { readProfile } from './profile.js';
import type { NativeSession, OnnxRuntime } from './runtime.js';

type Metadata = NativeSession['inputMetadata'][number];

export interface OpenedSession {
  readonly runtime: OnnxRuntime;
  readonly native: NativeSession;
  /** For messages: the file, or what stands for it. */
  readonly name: string;
  /** Element types of inputs and outputs before they were adapted. */
  readonly types: InterfaceTypes;
  /** The inputs to feed, in the order of the model. */
  readonly inputNames: readonly string[];
  /** All outputs of the model, those that onnxruntime-node cannot give included. */
  readonly outputNames: readonly string[];
  readonly profileFolder: string | null;
  /** Ends profiling where it goes to no folder. */
  readonly endProfiling?: () => readonly ProfileEvent[];
  /** Called once when the session is closed. */
  release(): void;
}

export class OnnxRuntimeSession implements Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  private readonly opened: OpenedSession;
  private profiled: readonly ProfileEvent[] | null = null;
  private closed = false;

  constructor(opened: OpenedSession) {
    this.opened = opened;
    const { native, types } = opened;
    const info = (name: string, all: readonly Metadata[]): ValueInfo => {
      const metadata = all.find((candidate) => candidate.name === name);
      return { name, type: metadata ? typeOf(metadata, types) : declaredType(types.get(name)) };
    };
    this.inputs = opened.inputNames.map((name) => info(name, native.inputMetadata));
    this.outputs = opened.outputNames.map((name) => info(name, native.outputMetadata));
  }

  async run(feeds: Feeds, outputs?: readonly string[]): Promise<Record<string, Tensor>> {
    const { native, name, types } = this.opened;
    const nativeFeeds: Record<string, NativeTensor> = {};
    for (const input of this.inputs) nativeFeeds[input.name] = this.load(input, feeds[input.name]);
    const wanted = outputs ?? this.outputs.filter(canFetch).map((output) => output.name);
    for (const output of wanted) this.expectFetchable(output);
    if (wanted.length === 0) throw unsupportedModel(`${name} has no output that onnxruntime-node can give`);
    let results: Awaited<ReturnType<NativeSession['run']>>;
    try {
      results = await native.run(nativeFeeds, wanted);
    } catch (cause) {
      throw engineFailure('run', name, cause);
    }
    return Object.fromEntries(
      wanted.map((output) => {
        const tensor = fromNative(results[output]);
        const dataType = types.get(output);
        const carrier = dataType && carrierOf(dataType);
        return [output, carrier ? carrier.unload(tensor) : tensor];
      }),
    );
  }

  async profile(): Promise<readonly ProfileEvent[]> {
    const { native, profileFolder, endProfiling } = this.opened;
    if (!this.profiled && endProfiling) this.profiled = endProfiling();
    if (!this.profiled && profileFolder) {
      native.endProfiling();
      this.profiled = readProfile(profileFolder);
      rmSync(profileFolder, { recursive: true, force: true });
    }
    return this.profiled ?? [];
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const { native, profileFolder, release } = this.opened;
    try {
      await native.release();
    } finally {
      if (profileFolder) rmSync(profileFolder, { recursive: true, force: true });
      release();
    }
  }

  private load({ name, type }: ValueInfo, tensor: Tensor | undefined): NativeTensor {
    if (!type || !(isNative(type.dataType) || carrierOf(type.dataType))) {
      const what = type?.dataType ?? 'a sequence, map or optional value';
      throw unsupportedModel(`Input ${name} of ${this.opened.name} is ${what}, which onnxruntime-node cannot be given`);
    }
    if (!tensor) throw unsupportedModel(`Input ${name} of ${this.opened.name} was not given`);
    if (tensor.dataType !== type.dataType) {
      throw unsupportedModel(
        `Input ${name} of ${this.opened.name} is ${type.dataType}, but ${tensor.dataType} was given`,
      );
    }
    return toNative(this.opened.runtime, carrierOf(type.dataType)?.load(tensor) ?? tensor);
  }

  /** Asking the binding for a type that it does not know can end the process. */
  private expectFetchable(name: string): void {
    const output = this.outputs.find((candidate) => candidate.name === name);
    if (!output) throw unsupportedModel(`${this.opened.name} has no output ${name}`);
    if (!canFetch(output)) {
      throw unsupportedModel(
        `Output ${name} of ${this.opened.name} is ${output.type?.dataType ?? 'no tensor'}, which onnxruntime-node cannot give`,
      );
    }
  }
}

/** Whether `Session.run` can give this output: a tensor of a type that the binding knows or that has a carrier. */
function canFetch({ type }: ValueInfo): boolean {
  return type !== null && (isNative(type.dataType) || carrierOf(type.dataType) !== null);
}

function declaredType(dataType: DataType | undefined): TensorType | null {
  return dataType ? tensorType(dataType, null) : null;
}

function typeOf(metadata: Metadata, types: InterfaceTypes): TensorType | null {
  if (!metadata.isTensor) return null;
  const declared = types.get(metadata.name);
  const dataType = declared && carrierOf(declared) ? declared : (metadata.type as DataType);
  return tensorType(
    dataType,
    metadata.shape.map((dim): Dimension => (dim === '' ? null : dim)),
  );
}
