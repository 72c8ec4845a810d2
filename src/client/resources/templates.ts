// Templates by name.
import type { TemplateTrial } from '../../model/api/templates.ts';
import type { Template } from '../../model/documents/template.ts';
import { pathOf, type CallOptions, type Calls, type ChangeOptions, type Tagged } from '../calls.ts';
import { listing, type Listing, type ListOptions } from '../listing.ts';

/** The objects in each template. */
const parts = ['metadata', 'spec'];

export class TemplateCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  list(options: ListOptions = {}): Listing<Template> {
    return listing(this.#calls, 'api/templates', { field: 'templates', parts }, {}, options);
  }

  /** The template as stored. Errors: `template.unknown`. */
  async get(name: string, options?: CallOptions): Promise<Tagged<Template>> {
    return this.#calls.call('GET', pathOf`api/templates/${name}`, { ...options, parts });
  }

  /** The template as a machine would get it, with secrets masked. Errors: `template.unknown`,
   *  `machine.unknown`. */
  async render(name: string, machineId: string, options?: CallOptions): Promise<Template> {
    const query = { machine_id: machineId };
    return this.#calls.get(pathOf`api/templates/${name}/render`, { ...options, query, parts });
  }

  /** Checks a template that is not stored, and plans it for a machine if one is named. Errors: `request.invalid`,
   *  `machine.unknown`. */
  async try(template: Template, machineId?: string, options?: CallOptions): Promise<TemplateTrial> {
    const query = machineId === undefined ? {} : { machine_id: machineId };
    const path = pathOf`api/templates/${template.metadata.name}/try`;
    const call = { ...options, query, body: template, parts: ['template'], changesNothing: true };
    return (await this.#calls.call<TemplateTrial>('POST', path, call)).value;
  }

  /** Creates or replaces the template, by the name in its metadata. Errors: `request.invalid`, `request.stale`. */
  async put(template: Template, options?: ChangeOptions): Promise<Tagged<Template>> {
    const call = { ...options, body: template, parts };
    return this.#calls.call('PUT', pathOf`api/templates/${template.metadata.name}`, call);
  }

  /** Deletes a template; machines that have it as os_choice keep the name. With `unused` only where there are none.
   *  Errors: `template.in-use`, `template.unknown`, `request.stale`. */
  async delete(
    name: string,
    options: ChangeOptions & { readonly unused?: boolean } = {},
  ): Promise<void> {
    const { unused = false, ...call } = options;
    const query = unused ? { unused } : {};
    await this.#calls.delete(pathOf`api/templates/${name}`, { ...call, query });
  }
}
