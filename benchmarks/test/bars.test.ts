import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faster, shareOf, within } from '../bars.ts';
import type { CaseResult, Row } from '../contest.ts';

const row = (contestant: string, median?: number, rate?: number): Row =>
  median === undefined
    ? { contestant, yardstick: false, missing: 'cannot: x' }
    : { contestant, yardstick: false, rate, samples: { repetitions: 1, ms: [median], median, min: median, max: median } };
const result = (...rows: Row[]): CaseResult => ({ name: '768', tolerance: 1e-5, agreed: [], rows });

describe('faster', () => {
  const bar = faster('multihead', ['a', 'b'], 1.6);

  test('compares with the fastest of the others', () => {
    const verdict = bar(result(row('multihead', 10), row('a', 30), row('b', 17)));
    assert.deepEqual(verdict, {
      case: '768',
      what: 'multihead against the fastest peer (b)',
      wanted: '≥ 1.6×',
      found: '1.70×',
      met: true,
    });
    assert.equal(bar(result(row('multihead', 10), row('a', 30), row('b', 15)))?.met, false);
  });

  test('is judged without those who could not take part', () => {
    assert.equal(bar(result(row('multihead', 10), row('a', 30), row('b')))?.found, '3.00×');
  });

  test('falls short without us, and without anybody else unless that is allowed', () => {
    assert.equal(bar(result(row('multihead'), row('a', 30)))?.met, false);
    assert.equal(bar(result(row('multihead', 10), row('a'), row('b')))?.met, false);
    const lenient = faster('multihead', ['a'], 1.6, { optional: true });
    assert.equal(lenient(result(row('multihead', 10), row('a')))?.met, null);
    assert.equal(lenient(result(row('multihead'), row('a', 30)))?.met, false);
  });

  test('leaves cases alone that it is not for', () => {
    assert.equal(faster('multihead', ['a'], 1.6, { case: '192' })(result(row('multihead', 10), row('a', 30))), null);
    assert.equal(faster('multihead', ['a'], 1.6, { case: (name) => name !== '768' })(result(row('multihead', 10), row('a', 30))), null);
  });
});

test('within: at most so many times the time of another', () => {
  const bar = within('multihead', 'PyTorch', 1.3, { optional: true });
  assert.equal(bar(result(row('multihead', 13), row('PyTorch', 10)))?.met, true);
  assert.equal(bar(result(row('multihead', 14), row('PyTorch', 10)))?.met, false);
  assert.equal(bar(result(row('multihead', 14), row('PyTorch')))?.met, null);
});

test('shareOf: by rates, as the yardstick does other work', () => {
  const bar = shareOf('multihead', 'ceiling', 0.85);
  const verdict = bar(result(row('multihead', 10, 43), row('ceiling', 1, 50)));
  assert.equal(verdict?.found, '86.0 %');
  assert.equal(verdict?.met, true);
  assert.equal(bar(result(row('multihead', 10, 42), row('ceiling', 1, 50)))?.met, false);
});
