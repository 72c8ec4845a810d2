import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completeAt } from '../../../src/model/search/complete.ts';
import { factsOf, withLiveness } from '../../../src/model/search/facts.ts';
import { compileQuery, parseQuery, quoted } from '../../../src/model/search/query.ts';
import { searched } from './machine.ts';

const nowMs = Date.parse('2026-11-26T12:00:00Z');
const node = factsOf(
  searched({
    hostname: 'node-7',
    tags: ['rack-1', 'GPU', 'left side'],
    labels: { owner: 'Quirin' },
    state: { Error: { message: 'image2disk: the checksum differs' } },
    hardware: {
      system: {
        vendor: 'Dell Inc.',
        product: 'PowerEdge R650',
        serial: 'SVCTAG7',
        asset_tag: 'A-99',
      },
      gpus: [{ name: 'NVIDIA A100', vendor: 'NVIDIA' }],
      neighbour: { system: 'tor-17', port: 'Eth1/7' },
    },
    agent: '0.2.0',
    problem: {
      code: 'read.denied',
      section: 'tpm',
      source: '/sys',
      message: 'no TPM could be read',
    },
  }),
);
const image = { in_image: true, boot_id: 'b' };
const finds = (query: string, facts = node): boolean => compileQuery(query, nowMs).matches(facts);

describe('the search language', () => {
  it.each([
    '',
    'node-7 epyc',
    'NODE',
    'name:node',
    'serial:svctag7',
    'SVCTAG7',
    'asset:a-99',
    'vendor:dell',
    'model:"poweredge r650"',
    'model:R650',
    'mac:52-54-00-00-00-07',
    '52:54:00:00:00:07',
    '52-54-00-00-00-07',
    '5254.0000.0007',
    '525400000007',
    '52:54:00',
    '52-54-00-00',
    'mac:5254.0000.0007',
    'address:10.0.0.7',
    '10.0.0.7',
    'disk:SERIAL7',
    'disk:"nvme disk"',
    'gpu:a100',
    'gpu:*',
    'os:debian',
    'label:owner=quirin',
    'quirin',
    'tag:rack-1',
    'tag:rack-*',
    'tag:gpu',
    'tag:"left side"',
    'switch:tor-17 port:eth1/7',
    'agent:0.2',
    'problem:tpm',
    'problem:read.denied',
    'error:checksum',
    'state:error',
    'state:err',
    'live:on',
    'is:physical',
    '-is:virtual',
    '-tag:rack-10',
    'added:30d',
    'added:>2d',
    'seen:10m',
    'seen:',
    'state:',
    '-',
    'name:*-7',
    'name:n*e*7',
    'name:=node-7',
    'model:="poweredge r650"',
    '-model:=R650',
    'id:4c4c4544',
  ])('%s finds the machine', (query) => {
    expect(compileQuery(query, nowMs).fault).toBeUndefined();
    expect(finds(query)).toBe(true);
  });

  it.each([
    'node-8',
    '__proto__:x',
    '-node',
    'tag:rack',
    'tag:rack-10',
    'tag:left side',
    'template:debian',
    'state:ready',
    'live:gone',
    'is:virtual',
    'is:overdue',
    'added:1d',
    'added:>30d',
    'seen:>1h',
    'name:*-8',
    'name:7*node',
    'name:=node',
    'gpu:=*',
    'name:node-7*7',
    'mac:52-54-00-00-00-08',
    '"epyc node-7"',
  ])('%s does not', (query) => {
    expect(compileQuery(query, nowMs).fault).toBeUndefined();
    expect(finds(query)).toBe(false);
  });

  it.each<[boolean, string, Parameters<typeof searched>[0]]>([
    [true, 'installed from the image', { state: 'Provisioned', report: image }],
    [true, 'installed by a stock agent', { state: 'Provisioned', report: { boot_id: null } }],
    [true, 'sent to the system that it came with', { report: { ...image, tells_os: true } }],
    [false, 'installed, with an agent', { state: 'Provisioned', report: { boot_id: 'b' } }],
    [false, 'in the image, which found no system', { report: image }],
    [false, 'in Error', { state: { Error: { message: 'no' } }, report: image }],
  ])('is:agentless is %s of a machine %s', (isFound, _, parts) => {
    const { matches } = compileQuery('is:agentless', nowMs);
    expect(matches(factsOf(searched(parts)))).toBe(isFound);
  });

  it.each([
    ['seral:x', 'did you mean serial:'],
    ['serail:x', 'did you mean serial:'],
    ['adress:10', 'did you mean address:'],
    ['tags:x', 'did you mean tag:'],
    ['temp:x', 'did you mean template:'],
    ['quux:x', 'there are name, state,'],
    ['constructor:x', 'there is no field "constructor"'],
    ['https://images/x', 'put quotes around a text that has a colon'],
    ['state:broken', 'it is one of discovered, ready'],
    ['seen:yesterday', 'write seen:24h'],
  ])('%s finds nothing and says why: %s', (query, why) => {
    const { fault, matches } = compileQuery(query, nowMs);
    expect(fault).toContain(why);
    expect(matches(node)).toBe(false);
  });

  it.each(['seen:', '-seen:7', 'seen:>7', 'tag:', '-tag:', 'tag:=', 'name:""', '-', '""'])(
    '%s filters nothing yet, and says so',
    (query) => {
      const { fault, unfinished, matches } = compileQuery(`${query} node-7`, nowMs);
      expect(fault).toBeUndefined();
      expect(unfinished).toBe(`"${query}" is not complete, and would leave no machine out`);
      expect(matches(node)).toBe(true);
    },
  );

  it.each(['', ' ', 'node-7', 'seen:7d', 'tag:*', '-tag:"left side"'])(
    '%j has no such term',
    (query) => {
      expect(compileQuery(query, nowMs).unfinished).toBeUndefined();
    },
  );

  it('looks for a quoted text as it stands, colons and all', () => {
    const url = factsOf(searched({ labels: { from: 'https://images/x' } }));
    expect(finds('"https://images/x"', url)).toBe(true);
    expect(finds('-"https://images/x"', url)).toBe(false);
  });

  it('finds a machine by the liveness that was heard last', () => {
    const gone = withLiveness(node, 'gone', nowMs - 7_200_000);
    expect(finds('live:gone seen:>1h', gone)).toBe(true);
    expect(finds('live:online', gone)).toBe(false);
    expect(finds('name:node-7', gone)).toBe(true);
  });

  it('reads every text back as one word, whatever is in it', () => {
    const character = fc.constantFrom('a', 'É', '"', '\\', ':', '-', ' ', '\n', '*', '\0', '😀');
    const text = fc.string({ minLength: 1, unit: character });
    fc.assert(
      fc.property(text, (word) => {
        expect(parseQuery(quoted(word)).map(({ field, value }) => [field, value])).toEqual([
          [undefined, word.toLowerCase()],
        ]);
        expect(parseQuery(`-name:${quoted(word)}`)).toMatchObject([
          { field: 'name', value: word.toLowerCase(), isNegated: true },
        ]);
      }),
    );
  });

  it('ends on any text, and takes each of its characters once', () => {
    const query = fc.array(fc.constantFrom('a', ':', '"', '\\', '-', ' ', '*', '\n', '0', 'tag:'));
    fc.assert(
      fc.property(query, (parts) => {
        let at = 0;
        for (const { from, to } of parseQuery(parts.join(''))) {
          expect(from).toBeGreaterThanOrEqual(at);
          expect(to).toBeGreaterThan(from);
          at = to;
        }
        compileQuery(parts.join(''), nowMs).matches(node);
      }),
    );
  });
});

describe('completion', () => {
  const vocabulary = (field: string) =>
    new Map(
      field === 'tag'
        ? [
            ['rack-1', 3],
            ['left side', 9],
            ['rack-2', 5],
          ]
        : [],
    );
  const terms = (query: string, caret = query.length) =>
    completeAt(query, caret, vocabulary).suggestions.map(({ term }) => term);

  it.each([
    ['se', ['serial:', 'seen:']],
    ['tag:rack', ['tag:rack-2', 'tag:rack-1']],
    ['tag:', ['tag:"left side"', 'tag:rack-2', 'tag:rack-1']],
    ['node -tag:side', ['-tag:"left side"']],
    ['state:pro', ['state:provisioning', 'state:provisioned']],
    ['state:error', []],
    ['state:error ', []],
    ['', []],
    ['nothing-like-it', []],
  ])('after %j there may come %j', (query, expected) => {
    expect(terms(query)).toEqual(expected);
  });

  it('takes the place of the term at the caret alone', () => {
    expect(completeAt('sta node', 3, vocabulary)).toMatchObject({
      from: 0,
      to: 3,
      suggestions: [{ term: 'state:' }],
    });
  });

  it.each([
    ['a field and its colon', 'node ta|g:rack-1', 'node |rack-1'],
    ['a field without one', 'sta|te node', '| node'],
    ['no word that stands behind it', 'ta|rack-1', '|rack-1'],
    ['a value', '-tag:ra|ck-7 node', '| node'],
    ['a value in quotes', 'tag:"le|ft wing" node', '| node'],
    ['no other value in quotes', 'tag:"le| tag:"right side"', '| tag:"right side"'],
  ])('takes with it the rest of %s', (_, text, left) => {
    const caret = text.indexOf('|');
    const whole = text.slice(0, caret) + text.slice(caret + 1);
    const { from, to } = completeAt(whole, caret, vocabulary);
    expect(`${whole.slice(0, from)}|${whole.slice(to)}`).toBe(left);
  });
});
