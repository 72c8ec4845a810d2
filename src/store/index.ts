// The subpath export "dragonfly-agent/kv": what a store over somebody's own key-value store takes.
import '../check-node.ts';

/**
 * @packageDocumentation
 * @example A store on a Kv of your own, here the one in memory
 * ```ts
 * import { MemoryKv, openStoreOn } from 'dragonfly-agent/kv';
 *
 * const store = await openStoreOn(new MemoryKv(), 'my store');
 * await store.settings.put({ key: 'site.name', value: 'Basel' });
 * const setting = await store.settings.get('site.name');
 * console.log(setting?.value); // prints { key: 'site.name', value: 'Basel' }
 * await store.close();
 * ```
 */

export { AppError, isAppError, type ErrorCode } from '../core/errors.ts';
export { closedError, conflict } from './kv/errors.ts';
export {
  prefixEnd,
  type Kv,
  type KvChange,
  type KvEntry,
  type KvExpectation,
  type KvOperation,
  type KvRead,
} from './kv/kv.ts';
export { Watchers } from './kv/watchers.ts';
export type { KvUnderTest } from './kv-contract/steps.ts';
export { testKv, type TestRunner } from './kv-contract/suite.ts';
export { MemoryKv } from './memory.ts';
export { openStoreOn } from './open.ts';
export type * from './store.ts';
