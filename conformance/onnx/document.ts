import type { Json, TensorRef } from '../archive.js';

/** What ONNX calls a string tensor; there is none here. */
export interface StringsRef {
  readonly strings: readonly string[];
  readonly shape: readonly number[];
}

/** One node: an operator with its attributes, inputs by position (null: left out), and the outputs that it must give. */
export interface OnnxCase {
  readonly name: string;
  readonly op_type: string;
  readonly domain: string;
  readonly opset: number;
  /** `core`: what a Transformer toolkit should have; `extra`: the rest. */
  readonly tier: 'core' | 'extra';
  readonly attributes: Readonly<Record<string, Json>>;
  readonly inputs: readonly (TensorRef | StringsRef | null)[];
  /** null for an output that the case does not ask for. */
  readonly outputs: readonly (TensorRef | StringsRef | null)[];
  readonly rtol: number;
  readonly atol: number;
}
