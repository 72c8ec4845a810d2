import { expect, it } from 'vitest';
import { words } from '../../../initramfs/machine/words.ts';

it.each([
  ['-smp 4', ['-smp', '4']],
  ['  -smp\t4  ', ['-smp', '4']],
  ['', []],
  [`-drive 'file=/a b/disk,format=raw'`, ['-drive', 'file=/a b/disk,format=raw']],
  [`-drive file="/a b/\\"disk\\""`, ['-drive', 'file=/a b/"disk"']],
  [`-name 'it''s' ""`, ['-name', 'its', '']],
  ['-append a\\ b', ['-append', 'a b']],
  [`"a\\n"`, ['a\\n']],
])('splits %j as a shell does', (text, expected) => {
  expect(words(text)).toEqual(expected);
});

it.each([`-drive 'file=`, `-drive "file=`, 'end\\'])('refuses %j, which is not closed', (text) => {
  expect(() => words(text)).toThrow(`a quote in ${JSON.stringify(text)} is not closed`);
});
