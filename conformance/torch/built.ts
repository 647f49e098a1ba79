import type { Tensor } from '@multihead/tensor';
import type { Json } from '../archive.js';

/** The arguments of PyTorch's constructor and forward. */
export interface Given {
  readonly ctor: Readonly<Record<string, Json>>;
  readonly kwargs: Readonly<Record<string, Json>>;
  input(name: string): Tensor | null;
}

export interface Built {
  /** What holds the parameters, under PyTorch's names. */
  readonly module: object;
  forward(): Tensor | (Tensor | null)[];
}

/** Makes a module of ours from what PyTorch's was made of. */
export type Builder = (given: Given) => Built;

export const number = (value: Json | undefined, fallback?: number) => (value ?? fallback) as number;
export const flag = (value: Json | undefined, fallback: boolean) => (value ?? fallback) as boolean;
