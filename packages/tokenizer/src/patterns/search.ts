/*
 * Finds a regular expression in a text, by backtracking under a budget: a pattern that needs more steps than a multiple of the text's length is
 * given up with an error, so that no file can make the tokenizer hang. Backtracking keeps its own stack, on which a run of one set is
 * one entry, so that a million spaces need no recursion.
 */
import { show, TokenizerError } from '../errors.js';
import type { CharacterTest } from '../unicode.js';
import type { Assertion } from './expression.js';
import type { Matcher } from './pattern.js';
import { compileExpression, type Instruction, opCodes } from './program.js';
import { shorthandSet } from './set.js';

const stepsPerUnit = 64;
const freeSteps = 2_000_000;
/** Alternatives that are kept at most, in numbers on the stack. */
const deepestStack = 6_000_000;

/** Finds all matches of an Oniguruma pattern. Throws `TokenizerError` for a pattern that is not supported, the matcher for a text that takes too long. */
export function expressionMatcher(operation: string, pattern: string): Matcher {
  const program = compileExpression(operation, pattern);
  return (text) => new Search(operation, pattern, program, text).all();
}

const isWord = /* @__PURE__ */ shorthandSet('w') as CharacterTest;

/** One text being searched. */
class Search {
  readonly #operation: string;
  readonly #pattern: string;
  readonly #program: readonly Instruction[];
  readonly #text: string;
  /** Alternatives not tried yet, three numbers each: an instruction, a place, and for runs the first place to go back to, else a register's old value. */
  readonly #stack: number[] = [];
  /** Groups by number, starts at even and ends at odd places. */
  readonly #groups: number[] = [];
  readonly #marks: number[] = [];
  #steps: number;
  #begin = 0;

  constructor(operation: string, pattern: string, program: readonly Instruction[], text: string) {
    this.#operation = operation;
    this.#pattern = pattern;
    this.#program = program;
    this.#text = text;
    this.#steps = freeSteps + stepsPerUnit * text.length;
  }

  all(): number[] {
    const text = this.#text;
    const matches: number[] = [];
    let from = 0;
    let lastEnd = -1;
    while (from <= text.length) {
      const [start, end] = this.#from(from);
      if (start < 0) break;
      if (start === end && end === lastEnd) {
        from += this.#width(from);
        continue;
      }
      matches.push(start, end);
      from = end;
      lastEnd = end;
    }
    return matches;
  }

  /** The first match at or after a place; -1 if there is none. */
  #from(from: number): [start: number, end: number] {
    this.#begin = from;
    for (let start = from; start <= this.#text.length; start += this.#width(start)) {
      this.#groups.length = 0;
      const end = this.#match(0, start, -1);
      if (end >= 0) return [start, end];
    }
    return [-1, -1];
  }

  /** Where the program from `pc` on ends if it starts at `start`, at `exactly` if that is not negative; -1 if it does not match. */
  #match(pc: number, start: number, exactly: number): number {
    const stack = this.#stack;
    const bottom = stack.length;
    const text = this.#text;
    let at = start;
    let next = pc;
    for (;;) {
      this.#spend(1);
      const instruction = this.#program[next] as Instruction;
      let ok = true;
      switch (instruction.op) {
        case opCodes.set: {
          const codePoint = text.codePointAt(at);
          ok = codePoint !== undefined && (instruction.test as CharacterTest)(codePoint);
          if (ok) at += (codePoint as number) > 0xffff ? 2 : 1;
          next++;
          break;
        }
        case opCodes.split:
          stack.push(instruction.second, at, -1);
          next = instruction.first;
          break;
        case opCodes.jump:
          next = instruction.first;
          break;
        case opCodes.save:
        case opCodes.mark: {
          const registers = instruction.op === opCodes.save ? this.#groups : this.#marks;
          stack.push(-1 - next, registers[instruction.min] ?? -1, -1);
          registers[instruction.min] = at;
          next++;
          break;
        }
        case opCodes.progress:
          if (this.#marks[instruction.min] === at) next++; // An empty turn ends the loop: past the jump back.
          next++;
          break;
        case opCodes.run: {
          const end = this.#run(instruction, at, next);
          ok = end >= 0;
          at = end;
          next++;
          break;
        }
        case opCodes.assert:
          ok = this.#holds(instruction.what as Assertion, at);
          next++;
          break;
        case opCodes.look:
          ok = this.#looks(instruction, at) !== instruction.negative;
          next = instruction.second;
          break;
        case opCodes.atomic: {
          const end = this.#match(instruction.first, at, -1);
          ok = end >= 0;
          at = end;
          next = instruction.second;
          break;
        }
        case opCodes.back: {
          const from = this.#groups[instruction.min * 2] ?? -1;
          const to = this.#groups[instruction.min * 2 + 1] ?? -1;
          ok = from >= 0 && to >= from && text.startsWith(text.slice(from, to), at);
          at += to - from;
          this.#spend(Math.max(0, to - from));
          next++;
          break;
        }
        default:
          ok = exactly < 0 || at === exactly;
          if (!ok) break;
          stack.length = bottom;
          return at;
      }
      if (ok) continue;
      const entry = this.#back(bottom);
      if (entry === undefined) return -1;
      [next, at] = entry;
    }
  }

  /** As many characters of a set as its mode wants; alternatives are put on the stack. */
  #run({ test, min, max, mode }: Instruction, start: number, pc: number): number {
    const text = this.#text;
    let at = start;
    let count = 0;
    let least = min === 0 ? start : -1;
    const wanted = mode === 'lazy' ? min : max;
    while (count < wanted) {
      const codePoint = text.codePointAt(at);
      if (codePoint === undefined || !(test as CharacterTest)(codePoint)) break;
      at += codePoint > 0xffff ? 2 : 1;
      if (++count === min) least = at;
    }
    this.#spend(count);
    if (count < min) return -1;
    if (mode === 'greedy' && at > least) this.#stack.push(pc, at, least);
    // A lazy run remembers how many characters it may still take.
    if (mode === 'lazy' && max > min)
      this.#stack.push(pc, at, -2 - (max === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER / 2 : max - count));
    return at;
  }

  /** The latest alternative: the instruction and the place to go on at. */
  #back(bottom: number): [pc: number, at: number] | undefined {
    const stack = this.#stack;
    while (stack.length > bottom) {
      this.#spend(1);
      const third = stack.pop() as number;
      const at = stack.pop() as number;
      const pc = stack.pop() as number;
      if (pc < 0) {
        const { op, min } = this.#program[-1 - pc] as Instruction;
        (op === opCodes.save ? this.#groups : this.#marks)[min] = at;
        continue;
      }
      const instruction = this.#program[pc] as Instruction;
      if (third === -1 || instruction.op !== opCodes.run) return [pc, at];
      if (third >= 0) {
        const shorter = at - (at >= 2 && isLow(this.#text.charCodeAt(at - 1)) ? 2 : 1);
        if (shorter > third) stack.push(pc, shorter, third);
        return [pc + 1, shorter];
      }
      const codePoint = this.#text.codePointAt(at);
      const left = -2 - third;
      if (left <= 0 || codePoint === undefined || !(instruction.test as CharacterTest)(codePoint)) continue;
      const longer = at + (codePoint > 0xffff ? 2 : 1);
      stack.push(pc, longer, third + 1);
      return [pc + 1, longer];
    }
    return undefined;
  }

  #looks({ first, ahead, min, max }: Instruction, at: number): boolean {
    if (ahead) return this.#match(first, at, -1) >= 0;
    let start = at;
    for (let length = 0; length <= max && start >= 0; length++) {
      if (length >= min && this.#match(first, start, at) >= 0) return true;
      start -= start >= 2 && isLow(this.#text.charCodeAt(start - 1)) ? 2 : 1;
    }
    return false;
  }

  #holds(what: Assertion, at: number): boolean {
    const text = this.#text;
    switch (what) {
      case 'line start':
        return at === 0 || (text.charCodeAt(at - 1) === 10 && at < text.length);
      case 'line end':
        return at === text.length || text.charCodeAt(at) === 10;
      case 'text start':
        return at === 0;
      case 'text end':
        return at === text.length;
      case 'last line end':
        return at === text.length || (at === text.length - 1 && text.charCodeAt(at) === 10);
      case 'search start':
        return at === this.#begin;
      default: {
        const before = at === 0 ? undefined : text.codePointAt(at - (at >= 2 && isLow(text.charCodeAt(at - 1)) ? 2 : 1));
        const after = text.codePointAt(at);
        const boundary = (before !== undefined && isWord(before)) !== (after !== undefined && isWord(after));
        return boundary === (what === 'word boundary');
      }
    }
  }

  #width(at: number): number {
    return (this.#text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  }

  #spend(steps: number): void {
    this.#steps -= steps;
    if (this.#steps >= 0 && this.#stack.length <= deepestStack) return;
    const most = freeSteps + stepsPerUnit * this.#text.length;
    throw new TokenizerError(
      this.#operation,
      `the regular expression ${show(this.#pattern)} needs more than ${most} steps for a text of length ${this.#text.length}`,
    );
  }
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
