import { describe, expect, test, vi } from 'vitest';
import { Fleet, naturalKey, sortRows } from '../../../src/web/live/fleet.ts';
import { compileQuery } from '../../../src/model/search/query.ts';
import { hasTerm, toggleTerm } from '../../../src/web/list/query.ts';
import { row } from '../list/row.ts';

const byName = { column: 'name', descending: false } as const;

function names(query: string, rows = fleet): string[] {
  const { matches } = compileQuery(query, 0);
  return rows.filter(({ facts }) => matches(facts)).map((r) => r.name);
}

const fleet = [
  row('node-1', { state: 'Ready', tags: ['rack-1', 'gpu'], mac: '52:54:00:aa:bb:01' }),
  row('node-2', { state: 'Error', tags: ['rack-10'], liveness: 'gone', template: 'debian-13' }),
  row('node-10', { state: 'Provisioned', tags: [], address: '10.0.0.9' }),
];

describe('query', () => {
  test.each([
    ['', ['node-1', 'node-2', 'node-10']],
    ['node-1', ['node-1', 'node-10']],
    ['NODE-2', ['node-2']],
    ['52:54:00:aa', ['node-1']],
    ['state:err', ['node-2']],
    ['state:provisioned', ['node-10']],
    ['live:gone', ['node-2']],
    ['tag:rack-1', ['node-1']],
    ['tag:rack-*', ['node-1', 'node-2']],
    ['-tag:gpu node', ['node-2', 'node-10']],
    ['os:debian-13', ['node-2']],
    ['10.0.0.9', ['node-10']],
    ['state:', ['node-1', 'node-2', 'node-10']],
    ['-', ['node-1', 'node-2', 'node-10']],
    ['state:ready tag:nothing', []],
    ['__proto__:x constructor:y', []],
  ])('%j finds %j', (query, found) => {
    expect(names(query)).toEqual(found);
  });

  test('a quoted text may hold spaces', () => {
    const rows = [row('a', { hardware: 'AMD EPYC 7543' }), row('b', { hardware: 'AMD 7543 EPYC' })];
    expect(names('"epyc 7543"', rows)).toEqual(['a']);
    expect(names('"epyc 75', rows)).toEqual(['a']);
  });

  test('a toggled term replaces its field and goes again', () => {
    const once = toggleTerm('rack-4 state:ready', 'state', 'error');
    expect(once).toBe('rack-4 state:error');
    expect(hasTerm(once, 'state', 'error')).toBe(true);
    expect(toggleTerm(once, 'state', 'error')).toBe('rack-4');
    expect(toggleTerm('tag:"left side" live:gone', 'live', 'late')).toBe(
      'tag:"left side" live:late',
    );
  });
});

describe('sort', () => {
  test('numbers in names sort by value', () => {
    expect(sortRows(fleet, byName).map((r) => r.name)).toEqual(['node-1', 'node-2', 'node-10']);
    expect(naturalKey('10.0.0.9') < naturalKey('10.0.0.10')).toBe(true);
  });

  test('what needs a person comes first by state and by liveness', () => {
    const first = (column: 'state' | 'liveness'): string | undefined =>
      sortRows(fleet, { column, descending: false })[0]?.name;
    expect(first('state')).toBe('node-2');
    expect(first('liveness')).toBe('node-2');
  });

  test('the most recently seen come first; equals keep the order of their registration', () => {
    const rows = [
      row('b', { id: '2', lastSeenMs: 5 }),
      row('a', { id: '1', lastSeenMs: 5 }),
      row('never', { lastSeenMs: undefined }),
      row('new', { lastSeenMs: 9 }),
    ];
    const sorted = sortRows(rows, { column: 'lastSeen', descending: false });
    expect(sorted.map((r) => r.name)).toEqual(['new', 'a', 'b', 'never']);
  });
});

describe('fleet', () => {
  test('the first machines are shown at once, later ones are gathered into one new view', () => {
    vi.useFakeTimers();
    try {
      const shown: number[] = [];
      const all = new Fleet(() => 0, 250);
      all.subscribe(() => shown.push(all.view.rows.length));
      all.put([row('a', { id: '1' })]);
      expect(shown).toEqual([1]);
      all.put([row('b', { id: '2' })]);
      all.put([row('c', { id: '3' })]);
      expect(shown).toEqual([1]);
      vi.advanceTimersByTime(250);
      expect(shown).toEqual([1, 3]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a filter is answered at once and counts stay those of the whole fleet', () => {
    const all = new Fleet(() => 0);
    all.put(fleet);
    all.show('state:ready', byName);
    expect(all.view.rows.map((r) => r.name)).toEqual(['node-1']);
    expect(all.view.total).toBe(3);
    expect(all.view.byState.get('Error')).toBe(1);
    expect(all.view.byLiveness.get('online')).toBe(2);
  });

  test('the values of a field are counted over all machines, whatever is shown', () => {
    const all = new Fleet(() => 0);
    all.put(fleet);
    all.show('state:ready', byName);
    expect([...all.valuesOf('tag')]).toEqual([
      ['rack-1', 1],
      ['gpu', 1],
      ['rack-10', 1],
    ]);
    all.put([row('node-3', { tags: ['gpu'] })]);
    expect(all.valuesOf('tag').get('gpu')).toBe(2);
  });

  test('rows that another filter finds as well are the same array, which is drawn once', () => {
    const shown = new Fleet(() => 0);
    shown.put(fleet);
    shown.show('', byName);
    const { rows, byState } = shown.view;
    shown.show('node', byName);
    expect(shown.view.rows).toBe(rows);
    expect(shown.view.byState).toBe(byState);
    shown.show('node-2', byName);
    expect(shown.view.rows.map(({ name }) => name)).toEqual(['node-2']);
  });
});
