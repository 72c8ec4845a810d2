// The body of a request by an agent: taken as it is where it follows its schema, mended where that helps,
// and refused else, with the field at fault.
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { AppError } from '../../../core/errors.ts';
import type { Problem } from '../../../model/problem.ts';
import { mend, variantOf } from '../../rules/mend.ts';
import { invalid } from '../../rules/violations.ts';

type Outcome = { readonly value: unknown } | { readonly error: AppError };

/** The compiler of a route whose body has this schema. What was left out of a body is among its problems,
 *  where the schema has any. */
export function agentBody(schema: TSchema): FastifySchemaCompiler<TSchema> {
  const check = Compile(schema);
  const validate = (body: unknown): Outcome => {
    if (check.Check(body)) return { value: body };
    const { value, problems } = mend(schema, body);
    if (!check.Check(value)) return { error: invalid('body', violations(schema, value)) };
    return { value: hasProblems(schema) ? withProblems(value, problems) : value };
  };
  return (part) => (part.httpPart === 'body' ? validate : TypeBoxValidatorCompiler(part));
}

/** For a union, the errors of the variant that the body is meant for: those of the union name no field. */
function violations(schema: TSchema, body: unknown): readonly unknown[] {
  if (!('anyOf' in schema) || !Array.isArray(schema.anyOf))
    return [...Compile(schema).Errors(body)];
  const variant = variantOf(schema.anyOf, body);
  if (variant !== undefined) return [...Compile(variant).Errors(body)];
  const types = schema.anyOf.map((one) => one.properties.type.const);
  return [{ instancePath: '/type', message: `must be one of ${types.join(', ')}`, params: {} }];
}

function hasProblems(schema: TSchema): boolean {
  return 'properties' in schema && 'problems' in Object(schema.properties);
}

function withProblems(body: unknown, more: readonly Problem[]): unknown {
  if (more.length === 0) return body;
  const { problems = [], ...rest } = Object(body);
  return { ...rest, problems: [...problems, ...more] };
}
