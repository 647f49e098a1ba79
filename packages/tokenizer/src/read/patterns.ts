import { knownMatcher } from '../patterns/known.js';
import { literalMatcher, type Matcher } from '../patterns/pattern.js';
import type { Fields } from './fields.js';

/** The matcher of a regular expression. Throws `TokenizerError` for one that is not supported. */
export type ReadExpression = (operation: string, source: string) => Matcher;

/** What `pattern` looks for. */
export function readPattern(fields: Fields, expression: ReadExpression): Matcher {
  const pattern = fields.get('pattern');
  if (typeof pattern === 'string') return textMatcher(fields, pattern, expression);
  const given = fields.object('pattern');
  if (given.get('Regex') === undefined) return textMatcher(fields, given.string('String'), expression);
  const source = given.string('Regex');
  return knownMatcher(source) ?? expression(fields.operation, source);
}

/** A literal text; an empty one is found at every boundary of characters. */
function textMatcher(fields: Fields, text: string, expression: ReadExpression): Matcher {
  return text === '' ? expression(fields.operation, '') : literalMatcher(text);
}
