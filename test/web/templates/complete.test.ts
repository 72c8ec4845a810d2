import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { completeTemplate } from '../../../src/web/templates/editor/complete.ts';
import { vocabularyOf } from '../../../src/web/templates/editor/vocabulary.ts';

const vocabulary = vocabularyOf(JSON.parse(readFileSync('openapi.json', 'utf8')));

/** The terms that are offered at the bar in a text. */
function at(text: string): string[] {
  const caret = text.indexOf('|');
  const whole = text.slice(0, caret) + text.slice(caret + 1);
  return completeTemplate(whole, caret, vocabulary).suggestions.map(({ term }) => term);
}

const head = 'kind: Template\nmetadata:\n  name: x\nspec:\n';
const image = `${head}  actions:\n    - action: image2disk\n`;

describe('completion of a template', () => {
  test.each([
    ['the fields of a template', 'ki|', ['kind: ']],
    ['those that are not there yet', `${head}|`, ['apiVersion: ']],
    ['those below it too', `|\n${head}`, ['apiVersion: ']],
    ['the fields of its spec', `${head}  ti|`, ['timeout: ']],
    ['what has lines below it', `${head}  ac|`, ['actions:']],
    ['a value of the schema', 'kind: |', ['Template']],
    ['the name of an action', `${head}  actions:\n    - |`, ['action: ']],
    ['in a list that is not indented', `${head}  actions:\n  - |`, ['action: ']],
    ['the actions', `${head}  actions:\n    - action: i|`, ['image2disk']],
    ['the fields of an action', `${image}      u|`, ['url: ']],
    ['in its item alone', `${image}      url: a\n    - action: reboot\n      u|`, []],
    [
      'also before what is there',
      `${image}      u|\n      disk: auto\n    - action: reboot\n`,
      ['url: '],
    ],
    ['the values of a field', `${image}      verify: s|`, ['sampled']],
    ['no colon twice', `${image}      ur|: a`, ['url']],
    ['a variable', 'content: "{{ host|', ['hostname }}']],
    ['a variable in its braces', 'content: "{{ host| }}"', ['hostname']],
    ['nothing for a variable that is complete', 'content: "{{ hostname| }}"', []],
    [
      'no fields in a text of several lines',
      `${image}      content: |\n        ki|`.replace('|', '>'),
      [],
    ],
    ['nothing for what is complete', `${image}      url: a\n      verify: full|`, []],
    ['nothing in what it does not know', `${head}  actions:\n    - action: other\n      u|`, []],
  ])('offers %s', (_, text, terms) => {
    expect(at(text)).toEqual(terms);
  });

  test.each([
    ['a field', `${image}      u|ri: a`, `${image}      |: a`],
    ['a value', `${image}      verify: s|ome # why`, `${image}      verify: | # why`],
    ['a variable', 'content: "{{ host|nam }}"', 'content: "{{ | }}"'],
  ])('takes the place of all of %s that was begun', (_, text, left) => {
    const caret = text.indexOf('|');
    const whole = text.slice(0, caret) + text.slice(caret + 1);
    const { from, to } = completeTemplate(whole, caret, vocabulary);
    expect(`${whole.slice(0, from)}|${whole.slice(to)}`).toBe(left);
  });

  test('every action of the schema says what it needs', () => {
    const { suggestions } = completeTemplate(
      `${head}  actions:\n    - action: `,
      `${head}  actions:\n    - action: `.length,
      vocabulary,
    );
    expect(suggestions.map(({ term }) => term)).toContain('debootstrap');
    expect(suggestions.find(({ term }) => term === 'writefile')?.says).toBe('needs path');
  });

  test('a server that does not describe itself leads to no suggestions', () => {
    expect(completeTemplate('ki', 2, vocabularyOf({})).suggestions).toEqual([]);
  });
});
