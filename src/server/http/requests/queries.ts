// Query fields, read one way on every route: whole numbers in plain digits, true and false in lower case, and on
// the operators' routes no field that the route does not know.
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifySchemaValidationError, RouteOptions } from 'fastify';
import { Type, type TSchema } from 'typebox';
import type { App } from '../../services.ts';

const spellings: Readonly<Record<string, readonly [RegExp, string]>> = {
  integer: [/^-?(?:0|[1-9]\d*)$/, 'must be a whole number in plain digits'],
  boolean: [/^(?:true|false)$/, 'must be true or false'],
};

/** The validator of every route; bodies of agents have one of their own. */
export function readStrictly(app: App): void {
  app.setValidatorCompiler((part) => {
    const validate = TypeBoxValidatorCompiler(part);
    if (part.httpPart !== 'querystring') return validate;
    const fields = fieldsOf(part.schema);
    return (value: unknown) => {
      const fault = misspelt(fields, value);
      return fault === undefined ? validate(value) : { error: [fault] };
    };
  });
  app.addHook('onRoute', (route) => {
    if (takesNoQuery(route)) {
      route.schema = {
        ...route.schema,
        querystring: Type.Object({}, { additionalProperties: false }),
      };
    }
  });
}

/** Agents and firmware may send fields that this version does not know. */
function takesNoQuery({ url, schema, config }: RouteOptions): boolean {
  const isOperators = ['read', 'operate', 'full'].includes(config?.access ?? '');
  return isOperators && url.startsWith('/api/') && schema?.querystring === undefined;
}

type Fields = Readonly<Record<string, { readonly type?: unknown }>>;

function fieldsOf(schema: TSchema): Fields {
  return 'properties' in schema ? Object(schema.properties) : {};
}

/** The first field that is written in another way; as the validator's own errors. */
function misspelt(fields: Fields, value: unknown): FastifySchemaValidationError | undefined {
  for (const [name, text] of Object.entries(Object(value))) {
    const spelling = Object.hasOwn(fields, name)
      ? spellings[String(fields[name]?.type)]
      : undefined;
    if (spelling === undefined || typeof text !== 'string' || spelling[0].test(text)) continue;
    const at = { instancePath: `/${name}`, schemaPath: '' };
    return { keyword: 'type', ...at, message: spelling[1], params: {} };
  }
  return undefined;
}
