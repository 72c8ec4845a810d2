// The API's description: the OpenAPI document for tools, and a page to read and try it.
import swaggerUi from '@fastify/swagger-ui';
import type { App } from '../services.ts';

export async function docsRoutes(app: App): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { persistAuthorization: true, validatorUrl: null },
  });
  app.get('/api/openapi.json', { config: { access: 'read' }, schema: { hide: true } }, () =>
    app.swagger(),
  );
}
