// The API's OpenAPI document, generated from the schemas that validate its requests.
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { TSchema } from 'typebox';
import {
  CheckinRequest,
  CheckinResponse,
  ErrorResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  WorkflowEvent,
} from '../../model/api.ts';
import { IdentityConflict } from '../../model/history.ts';
import { BulkRequest, MachinePatch, MachineView, TemplateView } from '../../model/operator-api.ts';
import { Template, TemplateAction } from '../../model/documents/template.ts';
import { Workflow } from '../../model/documents/workflow.ts';

/** Schemas that the document defines once and refers to by name. */
const named: Readonly<Record<string, TSchema>> = {
  Machine: MachineView,
  MachinePatch,
  BulkRequest,
  Template,
  TemplateView,
  TemplateAction,
  Workflow,
  WorkflowEvent,
  IdentityConflict,
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  Error: ErrorResponse,
};

export function openApiBase(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'dragonfly-server',
        version,
        description:
          'Machines: what they are and what they do next. Errors are `{ error, code, … }` with a fitting status.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'dragonfly-server token create' },
        },
      },
      security: [{ token: [] }],
    },
    transformObject: (document) =>
      nameSchemas('openapiObject' in document ? document.openapiObject : {}),
  };
}

/** Moves the named schemas to the document's components and puts references in their place. */
function nameSchemas(document: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const definitions = new Map(
    Object.entries(named).map(([name, schema]) => [name, withUint64s(asDocumented(schema))]),
  );
  const names = new Map([...definitions].map(([name, schema]) => [JSON.stringify(schema), name]));
  const refer = (value: unknown, isDefinition = false): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const name = isDefinition ? undefined : names.get(JSON.stringify(value));
    if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
    return mapObject(value, (item) => refer(item));
  };
  const schemas = Object.fromEntries(
    [...definitions].map(([name, schema]) => [name, refer(schema, true)]),
  );
  const paths = refer(withUint64s(document['paths']));
  return { ...document, paths, components: { ...Object(document['components']), schemas } };
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
  return mapObject(schema, asDocumented);
}

/** A u64 may be a bigint in memory; in JSON it is an integer like any other. */
function withUint64s(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (!('type' in value && Array.isArray(value.type) && value.type.includes('bigint'))) {
    return mapObject(value, withUint64s);
  }
  const { exclusiveMaximum: _bound, ...rest } = { exclusiveMaximum: undefined, ...value };
  return { ...rest, type: 'integer', format: 'uint64' };
}

function mapObject(value: object, map: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => map(item));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, map(item)]));
}
