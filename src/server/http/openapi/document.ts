// The API's OpenAPI document, generated from the schemas that validate its requests. operations.ts adds what those
// do not say; a component is named by the title of its schema, or by schemas.ts.
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { RouteOptions } from 'fastify';
import { headers, operations, tags } from './operations.ts';
import { named, unions, variantName } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

const bearer = { token: [] };
const basic = { password: [] };

export function openApiBase(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'dragonfly-server',
        version,
        description:
          'Machines: what they are and what they do next. Errors are `{ error, code, … }` with a fitting status, or problems of RFC 9457 where those are accepted.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'the server that this document came from' }],
      tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'dragonfly-server token create' },
          password: {
            type: 'http',
            scheme: 'basic',
            description: 'to read: any user name, a token as the password',
          },
        },
      },
      security: [bearer],
    },
    transform: ({ schema, url, route }) => ({ schema: { ...schema, ...access(route) }, url }),
    transformObject: (document) =>
      complete('openapiObject' in document ? document.openapiObject : {}),
  };
}

/** The tokens that a route takes. Basic, which browsers ask people for, is good for reading alone. */
function access({ method, config }: RouteOptions): { security: Record<string, string[]>[] } {
  if (config?.access === 'public') return { security: [] };
  const isRead = [method].flat().every((one) => one === 'GET' || one === 'HEAD');
  return { security: isRead ? [bearer, basic] : [bearer] };
}

function complete(document: Json): Json {
  const described = mapObject(Object(document['paths']), (item, path) =>
    mapObject(Object(item), (operation, method) =>
      describeOperation(Object(operation), `${method.toUpperCase()} ${path}`),
    ),
  );
  return nameSchemas({ ...document, paths: described });
}

/** An operation with its name, content types, headers and examples. */
function describeOperation(operation: Json, place: string): Json {
  const { id, ...known }: Partial<(typeof operations)[string]> = operations[place] ?? {};
  const { requestBody, responses } = operation;
  const isAgents = Array.isArray(operation['tags']) && operation['tags'].includes('agent');
  return {
    ...(id === undefined ? {} : { operationId: id }),
    ...operation,
    ...(requestBody === undefined
      ? {}
      : { requestBody: describeBody(Object(requestBody), place, known.example, isAgents) }),
    responses: {
      ...mapObject(Object(responses), (response, status) =>
        describeResponse(Object(response), status, known),
      ),
      ...(place.startsWith('GET') && known.headers?.includes('ETag') === true ? unchanged : {}),
      ...(known.isFile === true ? fileResponses : {}),
    },
  };
}

/** Agents send JSON alone. */
function describeBody(body: Json, place: string, example: unknown, isAgents: boolean): Json {
  const [content] = Object.values(Object(body['content']));
  const types = ['application/json', ...(isAgents ? [] : ['application/yaml'])];
  if (place.startsWith('PATCH')) types.push('application/merge-patch+json');
  const shown = { ...Object(content), ...(example === undefined ? {} : { example }) };
  return { ...body, content: Object.fromEntries(types.map((type) => [type, shown])) };
}

function describeResponse(
  response: Json,
  status: string,
  { sends = 'application/json', headers: own = [] }: Partial<(typeof operations)[string]>,
): Json {
  const isError = !/^[23]/.test(status);
  const [content] = Object.values(Object(response['content']));
  const errors = {
    'application/json': content,
    'application/problem+json': { schema: named['Problem'] },
  };
  const asText = { schema: { type: 'string' } };
  const isText = sends !== 'application/json' && sends !== 'application/octet-stream';
  const good = isText ? asText : sends === 'application/json' ? content : {};
  const shown = own.filter((name) => name !== 'Location' || status === '201');
  const names = isError ? errorHeaders : shown;
  return {
    ...response,
    description: descriptionOf(status, response['description']),
    ...(content === undefined ? {} : { content: isError ? errors : { [sends]: good } }),
    headers: Object.fromEntries([...names, 'X-Request-Id' as const].map(headerOf)),
  };
}

const errorHeaders = ['Retry-After', 'WWW-Authenticate', 'Allow'] as const;

function headerOf(name: keyof typeof headers): [string, Json] {
  return [name, { description: headers[name], schema: { type: 'string' } }];
}

function descriptionOf(status: string, description: unknown): unknown {
  if (status === '4XX') return 'The request cannot be carried out; `code` says why.';
  if (status === '5XX') return 'The server or its store failed; `code` says how.';
  return description === 'Default Response' ? 'Good.' : description;
}

const unchanged: Json = {
  '304': {
    description: 'The client has this version.',
    headers: Object.fromEntries([headerOf('ETag')]),
  },
};

const file = { 'application/octet-stream': {} };
const fileResponses: Json = {
  '206': {
    description: 'A part of the file.',
    content: file,
    headers: Object.fromEntries([headerOf('ETag')]),
  },
  ...unchanged,
  '416': { description: 'The file ends before the range that was asked for.' },
};

/** Moves the named schemas to the document's components and puts references in their place. */
function nameSchemas(document: Json): Json {
  const definitions = new Map(
    Object.entries(named).map(([name, schema]) => [name, plain(asDocumented(schema))]),
  );
  const names = new Map([...definitions].map(([name, schema]) => [JSON.stringify(schema), name]));
  const titled = new Map<string, unknown>();
  const refer = (value: unknown, isDefinition = false): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const name = isDefinition ? undefined : (names.get(JSON.stringify(value)) ?? titleOf(value));
    if (name !== undefined) {
      if (!definitions.has(name) && !titled.has(name)) titled.set(name, refer(value, true));
      return reference(name);
    }
    return map(value, (item) => refer(item));
  };
  const schemas = Object.fromEntries(
    [...definitions].map(([name, schema]) => [name, refer(schema, true)]),
  );
  for (const { name, tag, variants } of unions)
    schemas[name] = union(name, tag, [...variants.keys()]);
  const paths = refer(plain(asDocumented(document['paths'])));
  Object.assign(schemas, Object.fromEntries(titled));
  return { ...document, paths, components: { ...Object(document['components']), schemas } };
}

function titleOf(schema: object): string | undefined {
  return 'title' in schema && typeof schema.title === 'string' ? schema.title : undefined;
}

function union(name: string, tag: string, values: readonly string[]): Json {
  const refs = values.map((value) => [value, reference(variantName(name, value)).$ref] as const);
  return {
    oneOf: refs.map(([, $ref]) => ({ $ref })),
    discriminator: { propertyName: tag, mapping: Object.fromEntries(refs) },
  };
}

function reference(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

/** Writes a schema as @fastify/swagger does: a const as an enum, patterned properties as plain ones. */
function asDocumented(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  if ('const' in schema) {
    const { const: only, ...rest } = schema;
    return { ...rest, enum: [only] };
  }
  if ('patternProperties' in schema) {
    const { patternProperties, ...rest } = schema;
    const [values] = Object.values(Object(patternProperties));
    return asDocumented({ ...rest, additionalProperties: values });
  }
  return map(schema, asDocumented);
}

/** A schema as every generator reads it: a u64, in memory perhaps a bigint, is an integer, and an enum says
 *  of which type its values are. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('type' in value && Array.isArray(value.type) && value.type.includes('bigint')) {
    const { exclusiveMaximum: _bound, ...rest } = { exclusiveMaximum: undefined, ...value };
    return { ...rest, type: 'integer', format: 'uint64' };
  }
  if ('enum' in value && Array.isArray(value.enum) && !('type' in value)) {
    return { type: typeof value.enum[0], ...value };
  }
  return map(value, plain);
}

function map(value: object, change: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => change(item));
  return mapObject(value, change);
}

function mapObject(value: object, change: (item: unknown, key: string) => unknown): Json {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item, key)]));
}
