// Answers about templates, between operators (the page, scripts) and the server.
import { Type, type Static } from 'typebox';
import { Template } from '../documents/template.ts';
import { nullable } from '../fields.ts';
import { damaged } from './damaged.ts';

/** A template as it is shown. */
export const TemplateView = Type.Object({
  ...Template.properties,
  fault: Type.Optional(
    Type.String({ description: 'ours: why it can start no workflow; not taken in a request' }),
  ),
});
export type TemplateView = Static<typeof TemplateView>;

export const TemplateList = Type.Object({
  templates: Type.Array(TemplateView),
  damaged,
  next_cursor: nullable(Type.String()),
});
