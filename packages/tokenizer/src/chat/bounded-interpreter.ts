import { type Environment, Interpreter } from '@huggingface/jinja';

/** What a template may use up before it is stopped. */
export interface ChatLimits {
  /** Expressions and statements that are evaluated. Default 500000. */
  steps?: number;
  /** Expressions and statements inside each other, macros included. Default 400. */
  depth?: number;
  /** Characters of the output, and of any text or list on the way there. Default 10000000. */
  size?: number;
}

export const defaultLimits: Required<ChatLimits> = { steps: 500_000, depth: 400, size: 10_000_000 };

/** The most numbers that `range` gives, as in Jinja's sandbox. */
export const MOST_NUMBERS = 100_000;

/** The most items of a list, and the most pieces that a call may cut a text into: each costs far more than a character. */
const MOST_PIECES = 1_000_000;

/** All characters and items that operations have looked at may be this many times the size limit. */
const WORK = 20;

type Node = Parameters<Interpreter['evaluate']>[0];
type Value = ReturnType<Interpreter['evaluate']>;

/** Nodes that only look a value up: what they give was paid for where it was made. */
const lookups = new Set(['Identifier', 'MemberExpression', 'StringLiteral', 'IntegerLiteral', 'FloatLiteral']);

/** A node that is being evaluated, and what its parts have come to so far. */
interface Frame {
  readonly node: NonNullable<Node>;
  readonly parts: Value[];
}

/** The method of a text: what it is called, and how long the text is. */
interface Method {
  readonly name: string;
  readonly text: string;
}

/**
 * The interpreter, stopped before a template takes too long or too much: every node counts as a step, every text that an operation looks at
 * counts as work, and what multiplies sizes (`replace`, `join`, `indent`, `tojson`, `split`) is reckoned before it is done.
 */
export class BoundedInterpreter extends Interpreter {
  readonly #limits: Required<ChatLimits>;
  readonly #frames: Frame[] = [];
  readonly #methods = new WeakMap<Value, Method>();
  readonly #weights = new WeakMap<Value, number>();
  #steps = 0;
  #work = 0;

  constructor(environment: Environment, limits: Required<ChatLimits>) {
    super(environment);
    this.#limits = limits;
  }

  override evaluate(node: Node, environment: Environment): Value {
    if (!node) return super.evaluate(node, environment);
    const { steps, depth } = this.#limits;
    if (++this.#steps > steps) throw new Error(`expected at most ${steps} steps, got more`);
    if (this.#frames.length >= depth) throw new Error(`expected at most ${depth} expressions inside each other, got more`);
    const frame: Frame = { node, parts: [] };
    this.#frames.push(frame);
    let value: Value;
    try {
      value = super.evaluate(node, environment);
    } finally {
      this.#frames.pop();
    }
    this.#note(frame, value);
    const parent = this.#frames.at(-1);
    if (parent !== undefined) {
      parent.parts.push(value);
      this.#foresee(parent, value);
    }
    return value;
  }

  /** What an evaluated node has cost. */
  #note({ node, parts }: Frame, value: Value): void {
    this.#within(ownSize(value));
    if (value.type !== 'StringValue' && ownSize(value) > MOST_PIECES)
      throw new Error(`expected lists of at most ${MOST_PIECES} items, got more`);
    if (node.type === 'MemberExpression' && value.type === 'FunctionValue' && parts[0]?.type === 'StringValue') {
      const { property } = node as unknown as { property: { value?: unknown } };
      const name = parts[1]?.type === 'StringValue' ? parts[1].value : property.value;
      this.#methods.set(value, { name: String(name), text: parts[0].value as string });
    }
    if (lookups.has(node.type)) return;
    this.#work += ownSize(value);
    for (const part of parts) this.#work += ownSize(part);
    if (this.#work > WORK * this.#limits.size)
      throw new Error(`expected to work on at most ${WORK * this.#limits.size} characters, got more`);
  }

  /** What a node is about to do with its parts, of which `value` is the last one evaluated. */
  #foresee({ node, parts }: Frame, value: Value): void {
    const method = node.type === 'CallExpression' ? this.#methods.get(value) : undefined;
    if (method !== undefined) this.#foreseeText(method.name, method.text, parts.slice(0, -1));
    else if (node.type === 'FilterExpression') this.#foreseeFilter(filterOf(node), parts);
    else if (node.type === 'BinaryExpression') {
      const { operator } = node as unknown as { operator: { value: string } };
      if (operator.value === '~' || operator.value === '+') for (const part of parts) checkPrints(part, operator.value === '+');
      this.#within(this.#weight(value));
    } else if (parts.length > partsBefore(node)) {
      checkPrints(value, true);
      this.#within(this.#weight(value));
    }
  }

  #foreseeFilter(name: string, [operand, ...args]: Value[]): void {
    if (operand === undefined) return;
    if (operand.type === 'StringValue') this.#foreseeText(name, operand.value as string, args);
    if (name === 'tojson' || name === 'string' || name === 'join') {
      const width = Math.max(1, ...args.map((arg) => (arg.type === 'StringValue' ? (arg.value as string).length : Number(arg.value) || 0)));
      this.#within(this.#weight(operand) + (args.length === 0 ? 0 : 4 * this.#weight(operand) * width));
      if (name === 'join' && Array.isArray(operand.value)) for (const item of operand.value) checkPrints(item, false);
    }
  }

  #foreseeText(name: string, text: string, args: readonly Value[]): void {
    const [first = '', second = ''] = args.map(({ value }) => (typeof value === 'string' ? value : ''));
    if (name === 'replace') {
      const found = this.#pieces(text, first);
      this.#within(text.length + found * second.length);
    } else if (name === 'split' || name === 'splitlines') this.#pieces(text, first === '' ? ' ' : first);
    else if (name === 'list' || name === 'join') this.#pieces(text, '');
    else if (name === 'indent') {
      const width = Math.max(4, ...args.map(({ value }) => Number(value) || 0));
      this.#within(text.length + (this.#pieces(text, '\n') + 1) * width);
    }
  }

  /** How often a text has another one. */
  #pieces(text: string, separator: string): number {
    let count = separator === '' ? text.length + 1 : 0;
    if (separator !== '') {
      for (let at = text.indexOf(separator); at >= 0 && count <= MOST_PIECES; at = text.indexOf(separator, at + separator.length)) count++;
    }
    if (count > MOST_PIECES) throw new Error(`expected at most ${MOST_PIECES} pieces of a text, got more`);
    return count;
  }

  /** Characters and items in a value, all the way down; a part that is there twice counts twice. */
  #weight(value: Value): number {
    if (value.type === 'StringValue') return (value.value as string).length;
    const parts = partsOf(value);
    if (parts === undefined) return 1;
    const known = value.type === 'NamespaceValue' ? undefined : this.#weights.get(value); // only namespaces change
    if (known !== undefined) return known;
    this.#weights.set(value, Number.POSITIVE_INFINITY); // a value inside itself weighs too much
    let weight = 1;
    for (const [key, part] of parts) weight += key.length + 1 + this.#weight(part);
    this.#weights.set(value, weight);
    return weight;
  }

  #within(size: number): void {
    if (size > this.#limits.size) throw new Error(`expected texts of at most ${this.#limits.size} characters, got more`);
  }
}

/** How many parts of a node come before those that it prints; infinitely many if it prints none. */
function partsBefore(node: NonNullable<Node>): number {
  if (node.type === 'Program' || node.type === 'FilterStatement') return 0;
  if (node.type === 'If' || node.type === 'For') return 1; // the condition, the list
  if (node.type === 'Set') return (node as unknown as { value?: unknown }).value ? Number.POSITIVE_INFINITY : 0;
  // Arguments and what is called; what a macro prints comes after.
  if (node.type === 'CallExpression') return (node as unknown as { args: unknown[] }).args.length + 1;
  if (node.type === 'CallStatement') return (node as unknown as { call: { args: unknown[] } }).call.args.length + 1;
  return Number.POSITIVE_INFINITY;
}

/** The library would print the source of a function, and `[object Map]` where it joins texts. */
function checkPrints({ type, value }: Value, objects: boolean): void {
  if (typeof value === 'function' || (!objects && value instanceof Map)) throw new Error(`expected a value that prints, got a ${type}`);
}

function filterOf(node: NonNullable<Node>): string {
  const { filter } = node as unknown as { filter: { value?: unknown; callee?: { value?: unknown } } };
  return String(filter.value ?? filter.callee?.value);
}

/** Characters of a text, items of a list: what looking at the value once costs. */
function ownSize(value: Value): number {
  if (value.type === 'StringValue') return (value.value as string).length;
  if (Array.isArray(value.value)) return value.value.length;
  return value.value instanceof Map ? value.value.size : 0;
}

function partsOf(value: Value): Iterable<[key: string, part: Value]> | undefined {
  if (Array.isArray(value.value)) return value.value.map((part): [string, Value] => ['', part]);
  return value.value instanceof Map ? value.value : undefined;
}
