import { describe, expect, test } from 'vitest';
import { reversalsOf } from '../../../src/web/list/undo.ts';
import { row } from './row.ts';

describe('the way back from a change of many machines', () => {
  test('takes tags off those alone that did not have them, and puts them back on those that did', () => {
    const before = [row('a', { tags: ['gpu'] }), row('b', { tags: ['spare'] })];
    const change = { add_tags: ['gpu'], remove_tags: ['spare'] };
    expect(reversalsOf(change, before)).toEqual([
      { ids: ['b'], change: { remove_tags: ['gpu'] } },
      { ids: ['b'], change: { add_tags: ['spare'] } },
    ]);
  });

  test('leaves a tag alone that was added and removed at once', () => {
    const before = [row('a', { tags: [] }), row('b', { tags: ['x'] })];
    expect(reversalsOf({ add_tags: ['x'], remove_tags: ['x'] }, before)).toEqual([
      { ids: ['b'], change: { add_tags: ['x'] } },
    ]);
  });

  test('gives each machine its own template again, but for those that an assignment took out of Error', () => {
    const before = [
      row('a', { template: 'debian' }),
      row('b', { template: null }),
      row('c', { template: 'rocky' }),
      row('d', { template: 'rocky', state: 'Error' }),
    ];
    expect(reversalsOf({ os_choice: 'debian' }, before)).toEqual([
      { ids: ['b'], change: { os_choice: null } },
      { ids: ['c'], change: { os_choice: 'rocky' } },
    ]);
  });

  test('brings back those that come back to the state that they were in', () => {
    const before = [
      row('a', { state: 'Ready' }),
      row('b', { state: 'Error' }),
      row('c', { state: 'Offline' }),
    ];
    expect(reversalsOf({ offline: true }, before)).toEqual([
      { ids: ['a'], change: { offline: false } },
    ]);
    expect(reversalsOf({ offline: false }, before)).toEqual([
      { ids: ['c'], change: { offline: true } },
    ]);
  });

  test.each([{ delete: true }, { cancel: true }, { workflow: {} }] as const)(
    'there is none from %j',
    (change) => {
      expect(reversalsOf(change, [row('a')])).toEqual([]);
    },
  );
});
