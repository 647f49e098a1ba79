import { type Matcher, literalMatcher } from '../patterns/pattern.js';
import { expressionMatcher } from '../patterns/search.js';
import { knownMatcher } from '../patterns/known.js';
import type { Fields } from './fields.js';

/** What `pattern` looks for. */
export function readPattern(fields: Fields): Matcher {
  const pattern = fields.get('pattern');
  if (typeof pattern === 'string') return textMatcher(fields, pattern);
  const given = fields.object('pattern');
  if (given.get('Regex') === undefined) return textMatcher(fields, given.string('String'));
  const source = given.string('Regex');
  return knownMatcher(source) ?? expressionMatcher(fields.operation, source);
}

/** A literal text; an empty one is found at every boundary of characters. */
function textMatcher(fields: Fields, text: string): Matcher {
  return text === '' ? expressionMatcher(fields.operation, '') : literalMatcher(text);
}
