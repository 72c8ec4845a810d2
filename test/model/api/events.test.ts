import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventParser } from '../../../src/model/api/events.ts';

const stream = [
  ': hello\n\n',
  'id: run-1\nevent: machine.changed\ndata: {"machine_id":"m"}\n\n',
  'data: first\ndata: second\n\n',
  'id: run-2\r\nevent: reset\r\ndata: {}\r\n\r\n',
].join('');

describe('server-sent events', () => {
  test('comments are skipped, data lines are joined, the last id stays', () => {
    expect(new EventParser().push(stream)).toEqual([
      { id: 'run-1', type: 'machine.changed', data: '{"machine_id":"m"}' },
      { id: 'run-1', type: 'message', data: 'first\nsecond' },
      { id: 'run-2', type: 'reset', data: '{}' },
    ]);
  });

  test('an event waits for its blank line', () => {
    const parser = new EventParser();
    expect(parser.push('data: a\n')).toEqual([]);
    expect(parser.push('\n')).toHaveLength(1);
  });

  test('pieces give the same events wherever the stream is cut', () => {
    const whole = new EventParser().push(stream);
    const cuts = fc.array(fc.nat(stream.length), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (positions) => {
        const parser = new EventParser();
        const edges = [0, ...positions.toSorted((a, b) => a - b), stream.length];
        const events = edges.slice(1).flatMap((end, i) => parser.push(stream.slice(edges[i], end)));
        expect(events).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });
});
