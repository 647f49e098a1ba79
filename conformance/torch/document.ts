import type { Json, TensorRef } from '../archive.js';

/** What every case has; which of the rest there is depends on the kind of the family. */
export interface TorchCase {
  readonly name: string;
  readonly op: string;
  readonly kwargs?: Readonly<Record<string, Json>>;
  readonly inputs?: Readonly<Record<string, Json>>;
  readonly args?: readonly Json[];
  readonly ctor?: Readonly<Record<string, Json>>;
  readonly outputs?: readonly (TensorRef | null)[];
  readonly alt_outputs?: Readonly<Record<string, TensorRef | null>>;
  readonly cotangents?: readonly (TensorRef | null)[];
  /** By input, or `param:name`; null where no gradient reaches. */
  readonly grads?: Readonly<Record<string, TensorRef | null>>;
  readonly alt_grads?: Readonly<Record<string, TensorRef | null>>;
  readonly rtol: number;
  readonly atol: number;
  readonly grad_rtol?: number;
  readonly grad_atol?: number;
  readonly equal_nan?: boolean;
}
