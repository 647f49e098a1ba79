import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { distance, farthest, groupThatAgrees } from '../agree.ts';

describe('distance', () => {
  test('is the greatest difference as a share of the greatest magnitude', () => {
    assert.equal(distance([1, 2, 4], [1, 2, 5]), 0.2);
    assert.equal(distance([0, 0], [0, 0]), 0);
    assert.equal(distance([], []), 0);
  });

  test('is infinite for other lengths, for NaN and for infinities', () => {
    assert.equal(distance([1], [1, 1]), Number.POSITIVE_INFINITY);
    assert.equal(distance([Number.NaN], [Number.NaN]), Number.POSITIVE_INFINITY);
    assert.equal(distance([1], [Number.POSITIVE_INFINITY]), Number.POSITIVE_INFINITY);
  });
});

test('results are compared by the arrays that both have, and are infinitely far apart without one', () => {
  assert.deepEqual(farthest({ y: [1], first: [1] }, { first: [2] }), { name: 'first', distance: 0.5 });
  assert.equal(farthest({ y: [1] }, { z: [1] }).distance, Number.POSITIVE_INFINITY);
});

describe('the group that agrees', () => {
  const group = (results: Record<string, number>, tolerance = 0.01) =>
    groupThatAgrees(new Map(Object.entries(results).map(([name, y]) => [name, { y: [y] }])), tolerance);

  test('leaves out who computed something else, and says how far it is away from whom', () => {
    const { inside, outside } = group({ a: 1, b: 1.001, c: 2 });
    assert.deepEqual(inside, ['a', 'b']);
    assert.deepEqual([...outside.keys()], ['c']);
    assert.match(outside.get('c')!, /^y is 5\.0e-1 away from that of [ab], allowed are 1e-2$/);
  });

  test('needs each of its members close to each other one', () => {
    // b is close to both, but a and c are not close: neither pair is more than the other.
    assert.deepEqual(group({ a: 1, b: 1.009, c: 1.018 }).inside, []);
  });

  test('of two that disagree trusts neither, and of one not even that one', () => {
    assert.deepEqual(group({ a: 1, b: 2 }).inside, []);
    const { inside, outside } = group({ a: 1 });
    assert.deepEqual(inside, []);
    assert.match(outside.get('a')!, /nobody can vouch/);
  });

  test('does not let two be outvoted by two', () => {
    assert.deepEqual(group({ a: 1, b: 1, c: 2, d: 2 }).inside, []);
    assert.deepEqual(group({ a: 1, b: 1, c: 2, d: 2, e: 2 }).inside, ['c', 'd', 'e']);
  });
});
