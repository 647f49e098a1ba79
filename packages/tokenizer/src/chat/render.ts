import { Environment, parse, tokenize } from '@huggingface/jinja';
import { show, TokenizerError } from '../errors.js';
import { wellFormed } from '../split.js';
import { BoundedInterpreter, type ChatLimits, defaultLimits, MOST_NUMBERS } from './bounded-interpreter.js';
import { strftime } from './strftime.js';

/** A template longer than this is refused: real ones have some ten thousand characters. */
const LONGEST_TEMPLATE = 500_000;

/** White space in one place: the time that it takes to read grows with its square. */
const MOST_SPACES = 1000;

/** Values inside each other in what a template is given. */
const DEEPEST_VALUE = 100;

export interface RenderOptions {
  /** What `strftime_now` takes for now. Default: now. */
  now?: Date;
  /** What the template may use up. */
  limits?: ChatLimits;
}

/**
 * Renders a Jinja template as chat templates are rendered: blocks trimmed, with `raise_exception`, `strftime_now` and `range`.
 *
 * Nothing of JavaScript is reachable from a template, and it is stopped when it takes too many steps or makes too long texts. Throws
 * `TokenizerError` for a template that cannot be read, for what the template itself raises, and when it is stopped.
 *
 * ```ts
 * import { renderTemplate } from '@multihead/tokenizer/chat';
 *
 * renderTemplate('{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}', {
 *   messages: [{ role: 'user', content: 'Hi' }],
 * }); // '<user>Hi'
 * ```
 */
export function renderTemplate(template: string, context: Readonly<Record<string, unknown>> = {}, options: RenderOptions = {}): string {
  return render('renderTemplate', template, context, options);
}

export function render(operation: string, template: string, context: Readonly<Record<string, unknown>>, options: RenderOptions): string {
  if (typeof template !== 'string') throw new TokenizerError(operation, `template: expected a string, got ${show(template)}`);
  if (template.length > LONGEST_TEMPLATE) {
    throw new TokenizerError(operation, `template: expected at most ${LONGEST_TEMPLATE} characters, got ${template.length}`);
  }
  for (const { 0: spaces, index } of template.matchAll(/\s+/g)) {
    if (spaces.length <= MOST_SPACES) continue;
    throw new TokenizerError(
      operation,
      `template: expected at most ${MOST_SPACES} white space characters in a row, got ${spaces.length} at ${index}`,
    );
  }
  if (typeof context !== 'object' || context === null)
    throw new TokenizerError(operation, `context: expected an object, got ${show(context)}`);
  const limits = { ...defaultLimits, ...options.limits };
  for (const [name, limit] of Object.entries(limits)) {
    if (!(Number.isSafeInteger(limit) && limit > 0))
      throw new TokenizerError(operation, `limits.${name}: expected a positive integer, got ${show(limit)}`);
  }
  const given = Object.entries(context).map(([name, value]): [string, unknown] => [name, plain(operation, name, value, 0)]);
  const raised = { message: undefined as string | undefined };
  try {
    const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
    const environment = environmentOf(options.now ?? new Date(), raised);
    for (const [name, value] of given) {
      environment.variables.delete(name);
      environment.set(name, value);
    }
    const interpreter = new BoundedInterpreter(environment, limits);
    return String(interpreter.run(program).value);
  } catch (error) {
    if (raised.message !== undefined) throw new TokenizerError(operation, `the template raised: ${raised.message}`);
    const stack = error instanceof RangeError && /call stack/i.test(error.message);
    throw new TokenizerError(
      operation,
      `template: ${stack ? 'expected less nesting' : error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** What every template can use. */
function environmentOf(now: Date, raised: { message: string | undefined }): Environment {
  const environment = new Environment();
  for (const [name, value] of Object.entries({ false: false, true: true, none: null, False: false, True: true, None: null })) {
    environment.set(name, value);
  }
  environment.set('raise_exception', (message: unknown) => {
    raised.message = String(message);
    throw new Error(raised.message);
  });
  environment.set('strftime_now', (format: unknown) => strftime(now, String(format)));
  environment.set('range', range);
  return environment;
}

/** Python's `range`. */
function range(first: unknown, last?: unknown, step: unknown = 1): number[] {
  const [start, stop] = last === undefined ? [0, first] : [first, last];
  const by = step;
  for (const value of [start, stop, by]) if (!Number.isSafeInteger(value)) throw new Error(`range: expected integers, got ${show(value)}`);
  if (by === 0) throw new Error('range: expected a step that is not 0');
  const count = Math.max(0, Math.ceil(((stop as number) - (start as number)) / (by as number)));
  if (count > MOST_NUMBERS) throw new Error(`range: expected at most ${MOST_NUMBERS} numbers, got ${count}`);
  return Array.from({ length: count }, (_, i) => (start as number) + i * (by as number));
}

/** Data alone, as JSON has it: a function would be one that the template can call. */
function plain(operation: string, name: string, value: unknown, depth: number): unknown {
  if (depth > DEEPEST_VALUE)
    throw new TokenizerError(operation, `${name}: expected at most ${DEEPEST_VALUE} values inside each other, got more`);
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'string') return wellFormed(value);
  if (Array.isArray(value)) return value.map((item, index) => plain(operation, `${name}[${index}]`, item, depth + 1));
  if (typeof value !== 'object') throw new TokenizerError(operation, `${name}: expected data as JSON has it, got ${show(value)}`);
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) copy[key] = plain(operation, `${name}.${key}`, item, depth + 1);
  return copy;
}
