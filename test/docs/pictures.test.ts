// The pictures of the manual: each that a page has a place for can be taken, and none is taken for nothing.
import { expect, it } from 'vitest';
import { pictures } from '../../packaging/docs/pictures.ts';
import { pages } from './pages.ts';

it('are those that the pages have a place for', () => {
  const places = pages.flatMap(({ text }) => [
    ...text.matchAll(/^<!-- picture ([a-z]+): .+ -->$/gm),
  ]);
  expect(places.map(([, name = '']) => name).toSorted()).toEqual(Object.keys(pictures).toSorted());
});
