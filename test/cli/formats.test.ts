// Answers as data: what a machine tells is data in them, whatever signs are in it.
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { asDataLine, toJson, toYaml } from '../../src/cli/formats.ts';

const json = { output: undefined, json: true, yaml: false };
const texts = [
  'h\u001B[31m\u0000\u0007',
  'plain\u009B2J',
  '\u202Etxt.exe',
  'two\nlines\u0085\u2028',
  '\uFEFFx',
  'a: \u007F',
  'é 😀👩‍🚀',
  'one\u061Ctwo',
  'quoted\u200E "x" \\ \u2066',
];
// All but what begins a new line.
const unsafe = /(?!\n)\p{Cc}|[\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/u;

it('have no sign that a terminal obeys, and are read back as they were', async () => {
  for (const text of texts) {
    const document = { hostname: text, list: [text, { [`key ${text}`]: text }], n: 2n ** 60n };
    const line = (await asDataLine(json, document)) ?? '';
    const printed = [toJson(document), line, await toYaml(document)];
    expect(printed.filter((one) => unsafe.test(one))).toEqual([]);
    const read = { ...document, n: Number(document.n) };
    expect([JSON.parse(toJson(document)), JSON.parse(line), parse(printed[2] ?? '')]).toEqual([
      read,
      read,
      read,
    ]);
  }
});
