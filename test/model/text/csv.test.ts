// Lines of CSV, whose cells come from machines.
import { expect, it } from 'vitest';
import { csvLine } from '../../../src/model/text/csv.ts';

it.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t=1"],
  ['\n=1', '"\'\n=1"'],
  ['\uFF1D1', "'\uFF1D1"],
  ['a=1', 'a=1'],
  ['say "hi", all', '"say ""hi"", all"'],
])('a cell %j is written as %s', (cell, written) => {
  expect(csvLine([cell, null])).toBe(`${written},\r\n`);
});
