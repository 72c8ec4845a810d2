// Answers about templates, between operators (the page, scripts) and the server.
import { Type, type Static } from 'typebox';
import { Template } from '../documents/template.ts';
import { nullable } from '../fields.ts';
import { Plan } from '../documents/plan.ts';
import { damaged } from './administration/damaged.ts';
import { Failure } from './machines.ts';

/** A template as it is shown. */
export const TemplateView = Type.Object({
  ...Template.properties,
  fault: Type.Optional(
    Type.String({ description: 'ours: why it can start no workflow; not taken in a request' }),
  ),
});
export type TemplateView = Static<typeof TemplateView>;

/** The outcome of trying a template that is not stored. */
export const TemplateTrial = Type.Object({
  template: Type.Object(Template.properties, {
    description: 'as the machine would get it, with secrets masked; without a machine as it is',
  }),
  plan: Type.Optional(Plan),
  refusal: Type.Optional(
    Type.Object(Failure.properties, {
      additionalProperties: true,
      description: 'why there is no plan for the machine',
    }),
  ),
});
export type TemplateTrial = Static<typeof TemplateTrial>;

export const TemplateList = Type.Object({
  templates: Type.Array(TemplateView),
  damaged,
  next_cursor: nullable(Type.String()),
});
