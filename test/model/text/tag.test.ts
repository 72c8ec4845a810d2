import { expect, it } from 'vitest';
import { asStored, faultOf } from '../../../src/model/text/tag.ts';

it.each(['rack-1', 'a b', 'räck', 'ra\u0308ck', 'рак', '機架', '🔥', 'ns/key=value'])(
  'takes the tag %j',
  (tag) => {
    expect(faultOf(tag)).toBeUndefined();
  },
);

it.each([
  ['a\u200bb', 'U+200B'],
  ['\ufeffa', 'U+FEFF'],
  ['a\u202eb', 'U+202E'],
  ['a\u2066b', 'U+2066'],
  ['a\u00adb', 'U+00AD'],
  ['a\u00a0b', 'U+00A0'],
  ['a\u3000b', 'U+3000'],
  ['a\u2028b', 'U+2028'],
  ['a\u2800', 'U+2800'],
  ['\u3164', 'U+3164'],
  ['a\u{e0041}', 'U+E0041'],
  ['a\ufe0f', 'U+FE0F'],
  ['a\u0000', 'U+0000'],
  ['a\u0085', 'U+0085'],
])('refuses %j, in which nobody sees %s', (tag, name) => {
  expect(faultOf(tag)).toContain(name);
});

it.each([' ', ' a', 'a '])('refuses %j', (tag) => {
  expect(faultOf(tag)).toBe('begins or ends with a blank: write it without');
});

it('takes no tag that is too long once it is stored', () => {
  const nukta = '\u0958';
  expect(faultOf(nukta.repeat(32))).toBeUndefined();
  expect(faultOf(nukta.repeat(33))).toBe("has more than 64 signs in Unicode's form NFC");
  expect(faultOf('🔥'.repeat(64))).toBeUndefined();
});

it('has one spelling for each text', () => {
  expect(asStored('ra\u0308ck')).toBe('räck');
});
