import { MultiheadError } from '../errors.js';

/** Where in a file something was wrong, what should have been there and what was. */
export interface SafetensorsProblem {
  /** Path or other name of the file, where one is known. */
  readonly file?: string;
  /** Name of the tensor. */
  readonly tensor?: string;
  /** Field of the header (`dtype`, `shape`, `data_offsets`, `__metadata__`, …) or step of a write (`open`, `write`, `rename`, …). */
  readonly field?: string;
  readonly expected: string;
  readonly got: string;
  /** What the reader of the message may want to do about it. */
  readonly hint?: string;
}

/**
 * A safetensors file, or a tensor on its way into or out of one, that breaks the format; or a file that cannot be read or written
 * (then `cause` is the error of the file system).
 *
 * @example
 * try {
 *   parseSafetensors(new TextEncoder().encode('version https://git-lfs.github.com/spec/v1'));
 * } catch (error) {
 *   if (error instanceof SafetensorsError) console.log(error.field, error.hint);
 *   // 'header length' 'this looks like a Git LFS pointer: fetch the file itself with git lfs pull'
 * }
 */
export class SafetensorsError extends MultiheadError implements SafetensorsProblem {
  override name = 'SafetensorsError';
  readonly file?: string;
  readonly tensor?: string;
  readonly field?: string;
  readonly expected: string;
  readonly got: string;
  readonly hint?: string;

  constructor(problem: SafetensorsProblem, options?: { cause?: unknown }) {
    super(describe(problem), options);
    this.file = problem.file;
    this.tensor = problem.tensor;
    this.field = problem.field;
    this.expected = problem.expected;
    this.got = problem.got;
    this.hint = problem.hint;
  }
}

function describe({ file, tensor, field, expected, got, hint }: SafetensorsProblem): string {
  const place = [`safetensors${file === undefined ? '' : ` ${file}`}`];
  if (tensor !== undefined) place.push(`tensor ${quote(tensor)}`);
  if (field !== undefined) place.push(field);
  return `${place.join(', ')}: expected ${expected}, got ${got}${hint === undefined ? '' : ` (${hint})`}`;
}

/** `text` in double quotes with control characters escaped, cut where it would flood a message. */
export function quote(text: string): string {
  return text.length > 80 ? `${JSON.stringify(text.slice(0, 80))}… (${text.length} characters)` : JSON.stringify(text);
}

/** A shape as it stands in a header, cut where it would flood a message. */
export function showShape(shape: readonly number[]): string {
  return shape.length > 12 ? `[${shape.slice(0, 12).join(',')},… ${shape.length} dimensions]` : `[${shape.join(',')}]`;
}
