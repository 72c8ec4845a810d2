import { describe, expect, test } from 'vitest';
import {
  listPath,
  listStateOf,
  sortBy,
  toggled,
  withRange,
} from '../../../src/web/list/list-state.ts';

describe('list state', () => {
  test.each([
    '/machines',
    '/machines?q=state%3Aerror+rack-4',
    '/machines?sort=-lastSeen',
    '/machines?q=a&sort=address',
    '/machines?columns=state&rows=compact',
  ])('the address %s is read and written back', (path) => {
    expect(listPath(listStateOf(path.slice('/machines'.length)))).toBe(path);
  });

  test('a sort that does not exist is the default one', () => {
    expect(listStateOf('?sort=__proto__').sort).toEqual({ column: 'name', descending: false });
  });

  test('a second click on a column turns its order round', () => {
    const once = sortBy({ column: 'name', descending: false }, 'state');
    expect(once).toEqual({ column: 'state', descending: false });
    expect(sortBy(once, 'state')).toEqual({ column: 'state', descending: true });
  });

  test('ids are toggled, ranges are added in either direction', () => {
    const ids = ['a', 'b', 'c', 'd'];
    expect([...toggled(new Set(['a']), 'a')]).toEqual([]);
    expect([...withRange(new Set(['d']), ids, 'c', 'a')].toSorted()).toEqual(ids);
    expect([...withRange(new Set(), ids, undefined, 'b')]).toEqual(['b']);
    expect([...withRange(new Set(), ids, 'filtered-out', 'b')]).toEqual(['b']);
  });
});
