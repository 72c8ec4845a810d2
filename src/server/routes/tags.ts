// Tag routes: list all tags, take one off every machine. Tagging a machine is a change of the machine.
import { Type } from 'typebox';
import { Tag } from '../../model/api/request.ts';
import { TagList, TagRemoval } from '../../model/api/machines.ts';
import { countTags } from '../running/metrics/fleet.ts';
import { spellingOf } from '../machines/machine-list.ts';
import { changeMachine } from '../machines/machines.ts';
import type { App, Services } from '../services.ts';
import { errors } from './route.ts';

export function tagRoutes(app: App, s: Services): void {
  app.get(
    '/api/tags',
    {
      config: { access: 'read' },
      schema: {
        tags: ['tags'],
        summary: 'List all tags, with the number of machines that have each',
        response: { 200: TagList, ...errors },
      },
    },
    async () => {
      const counts = await countTags(s.fleet);
      return { tags: counts.map(([tag, machines]) => ({ tag, machines })) };
    },
  );

  app.delete(
    '/api/tags/:tag',
    {
      config: { access: 'operate' },
      schema: {
        tags: ['tags'],
        summary: 'Take a tag off every machine',
        params: Type.Object({ tag: Tag }),
        response: { 200: TagRemoval, ...errors },
      },
    },
    async (request) => {
      const tag = await spellingOf(s.store, request.params.tag);
      let changed = 0;
      for await (const { value } of s.store.machines.allBy('tag', tag)) {
        await changeMachine(s, value.id, (machine) => ({
          ...machine,
          config: { ...machine.config, tags: machine.config.tags.filter((t) => t !== tag) },
        }));
        changed += 1;
      }
      return { changed };
    },
  );
}
