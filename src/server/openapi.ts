// The API's description, made from the schemas that validate its requests.
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';

export function openApiBase(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'dragonfly-server',
        version,
        description:
          'Machines, what they are and what they do next. Errors are `{ error, code, … }` with a fitting status.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'dragonfly-server token create' },
        },
      },
      security: [{ token: [] }],
    },
  };
}
