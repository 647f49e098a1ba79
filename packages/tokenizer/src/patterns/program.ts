/*
 * A regular expression as a list of instructions.
 */
import { show, TokenizerError } from '../errors.js';
import type { CharacterTest } from '../unicode.js';
import { type Assertion, type Expression, parseExpression } from './expression.js';

export const opCodes = { set: 0, split: 1, jump: 2, save: 3, run: 4, assert: 5, look: 6, atomic: 7, back: 8, end: 9, mark: 10, progress: 11 } as const; // biome-ignore format: one row

export interface Instruction {
  op: number;
  /** The set; for `run`, of all its characters. */
  test?: CharacterTest;
  /** Where to go on: first, and if that fails. */
  first: number;
  second: number;
  /** For `run` and looking behind, how many characters; for `save`, `mark`, `progress` and `back`, which register or group. */
  min: number;
  max: number;
  mode?: 'greedy' | 'lazy' | 'possessive';
  what?: Assertion;
  ahead?: boolean;
  negative?: boolean;
}

/** Longer programs are refused, and looking behind further. */
const longestProgram = 20_000;
const furthestBehind = 1000;

/** Throws `TokenizerError` for a pattern that is malformed, not supported or too long. */
export function compileExpression(operation: string, pattern: string): Instruction[] {
  return new Compiler(operation, pattern).compile();
}

class Compiler {
  readonly #operation: string;
  readonly #pattern: string;
  readonly #program: Instruction[] = [];
  #marks = 0;

  constructor(operation: string, pattern: string) {
    this.#operation = operation;
    this.#pattern = pattern;
  }

  compile(): Instruction[] {
    this.#add(parseExpression(this.#operation, this.#pattern));
    this.#emit(opCodes.end);
    return this.#program;
  }

  get #here(): number {
    return this.#program.length;
  }

  #emit(op: number, rest: Partial<Instruction> = {}): Instruction {
    if (this.#here >= longestProgram) throw this.#refuse('a shorter regular expression');
    const instruction = { op, first: 0, second: 0, min: 0, max: 0, ...rest };
    this.#program.push(instruction);
    return instruction;
  }

  #add(node: Expression): void {
    switch (node.kind) {
      case 'set':
        this.#emit(opCodes.set, { test: node.test });
        return;
      case 'sequence':
        for (const inner of node.nodes) this.#add(inner);
        return;
      case 'alternatives':
        this.#alternatives(node.nodes);
        return;
      case 'group':
        this.#emit(opCodes.save, { min: node.index * 2 });
        this.#add(node.node);
        this.#emit(opCodes.save, { min: node.index * 2 + 1 });
        return;
      case 'assert':
        this.#emit(opCodes.assert, { what: node.what });
        return;
      case 'backreference':
        this.#emit(opCodes.back, { min: node.index });
        return;
      case 'atomic':
        this.#enclosed(opCodes.atomic, node.node);
        return;
      case 'look': {
        const [min, max] = node.ahead ? [0, 0] : lengths(node.node);
        if (max > furthestBehind) throw this.#refuse('a look-behind of limited length');
        this.#enclosed(opCodes.look, node.node, { ahead: node.ahead, negative: node.negative, min, max });
        return;
      }
      case 'repeat':
        this.#repeat(node);
    }
  }

  #alternatives(nodes: readonly Expression[]): void {
    const exits: Instruction[] = [];
    for (const [i, alternative] of nodes.entries()) {
      const split = i === nodes.length - 1 ? undefined : this.#emit(opCodes.split);
      if (split !== undefined) split.first = this.#here;
      this.#add(alternative);
      if (split === undefined) break;
      exits.push(this.#emit(opCodes.jump));
      split.second = this.#here;
    }
    for (const exit of exits) exit.first = this.#here;
  }

  /** A program in the program: from `first` to its own end, after which it goes on at `second`. */
  #enclosed(op: number, node: Expression, rest: Partial<Instruction> = {}): void {
    const instruction = this.#emit(op, rest);
    instruction.first = this.#here;
    this.#add(node);
    this.#emit(opCodes.end);
    instruction.second = this.#here;
  }

  #repeat(node: Extract<Expression, { kind: 'repeat' }>): void {
    const { node: inner, min, max, mode } = node;
    if (inner.kind === 'set') {
      this.#emit(opCodes.run, { test: inner.test, min, max, mode });
      return;
    }
    if (mode === 'possessive') {
      this.#enclosed(opCodes.atomic, { ...node, mode: 'greedy' });
      return;
    }
    for (let i = 0; i < min; i++) this.#add(inner);
    const aim = (split: Instruction, into: number, past: number): void => {
      split.first = mode === 'greedy' ? into : past;
      split.second = mode === 'greedy' ? past : into;
    };
    if (max === Number.POSITIVE_INFINITY) {
      const mark = this.#marks++;
      const begin = this.#here;
      const loop = this.#emit(opCodes.split);
      const into = this.#here;
      this.#emit(opCodes.mark, { min: mark });
      this.#add(inner);
      this.#emit(opCodes.progress, { min: mark });
      this.#emit(opCodes.jump, { first: begin });
      aim(loop, into, this.#here);
      return;
    }
    const splits: [split: Instruction, into: number][] = [];
    for (let i = min; i < max; i++) {
      splits.push([this.#emit(opCodes.split), this.#here]);
      this.#add(inner);
    }
    for (const [split, into] of splits) aim(split, into, this.#here);
  }

  #refuse(expected: string): TokenizerError {
    return new TokenizerError(this.#operation, `expected ${expected}, got ${show(this.#pattern)}`);
  }
}

/** The fewest and the most characters that match. */
function lengths(node: Expression): [min: number, max: number] {
  switch (node.kind) {
    case 'set':
      return [1, 1];
    case 'sequence':
      return node.nodes.map(lengths).reduce<[number, number]>(([min, max], [a, b]) => [min + a, max + b], [0, 0]);
    case 'alternatives': {
      const all = node.nodes.map(lengths);
      return [Math.min(...all.map(([min]) => min)), Math.max(...all.map(([, max]) => max))];
    }
    case 'repeat': {
      const [min, max] = lengths(node.node);
      return [min * node.min, max === 0 ? 0 : max * node.max];
    }
    case 'group':
    case 'atomic':
      return lengths(node.node);
    case 'backreference':
      return [0, Number.POSITIVE_INFINITY];
    default:
      return [0, 0];
  }
}
