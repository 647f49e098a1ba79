import type { Backend } from '@multihead/tensor';
import type { Folder } from './folder.js';

/*
 * What the program knows about a suite. A suite opens a folder of golden cases as families of cases; a case runs on a backend and gives
 * checks, each a value that the toolkit computed beside the values that are right, or findings, which are no values. Comparing, counting
 * and reporting is one for all suites.
 */

export interface Suite {
  readonly name: string;
  /** Its cases compute nothing on a backend: they run once, not once on each. */
  readonly withoutBackend?: true;
  open(folder: Folder): Family[];
}

export interface Family {
  readonly name: string;
  readonly cases: readonly GoldenCase[];
}

export interface GoldenCase {
  readonly name: string;
  /** Computes the case on `backend`, which is the default backend meanwhile. Throws `Skip` where there is nothing to check. */
  run(backend: Backend): Promise<(Check | Finding)[]>;
}

/** float, int or bool: what matters of an element type when values are compared. */
export type Kind = 'float' | 'int' | 'bool';

/** An array of numbers with its shape, outside any backend. */
export interface Values {
  readonly shape: readonly number[];
  readonly kind: Kind;
  readonly data: ArrayLike<number>;
}

/** |got - want| ≤ atol + rtol · |want|; NaN equals NaN only with `equalNan`. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
  readonly equalNan: boolean;
}

/** One value of a case. null stands for no value: a gradient that does not reach an input. */
export interface Check {
  /** `output 0`, `gradient of x`: what a failure is called by. */
  readonly what: string;
  readonly got: Values | null;
  /** Matching any one of these is right. */
  readonly want: readonly [Values | null, ...(Values | null)[]];
  readonly tolerance: Tolerance;
}

/** Something that a case demands and that is no value; `problem` says how it is not so, and is null if it is. */
export interface Finding {
  readonly what: string;
  readonly problem: string | null;
}

/** Thrown by a case that cannot be run here. The reason stands in the report, and cases with one reason are counted together. */
export class Skip extends Error {
  override name = 'Skip';
}

/** The reason for everything that the toolkit does not have. */
export function notBuilt(what: string): Skip {
  return new Skip(`not built yet: ${what}`);
}
