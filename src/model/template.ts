// The stored Template document (camelCase, as Dragonfly writes it). Unknown fields are kept.
import { Type, type Static } from 'typebox';

export const TemplateAction = Type.Object(
  { action: Type.String() },
  { additionalProperties: true },
);
export type TemplateAction = Static<typeof TemplateAction>;

export const Template = Type.Object({
  apiVersion: Type.String(),
  kind: Type.Literal('Template'),
  metadata: Type.Object({ name: Type.String({ minLength: 1, maxLength: 253 }) }),
  spec: Type.Object({
    version: Type.Optional(Type.String()),
    timeout: Type.Optional(Type.Integer({ minimum: 0, description: 'seconds, whole workflow' })),
    bootEnv: Type.Optional(Type.String()),
    actions: Type.Array(TemplateAction, { minItems: 1 }),
  }),
});
export type Template = Static<typeof Template>;
