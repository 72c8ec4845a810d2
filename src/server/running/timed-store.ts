// A store whose operations are timed for the metrics, and otherwise the one it is given.
import type { Clock } from '../../core/clock.ts';
import type { Store } from '../../store/store.ts';
import type { Metrics } from './metrics.ts';

type Operation = (...args: unknown[]) => unknown;

export function timedStore(store: Store, clock: Clock, metrics: Metrics): Store {
  const timed = new Map<string | symbol, Operation>();
  return new Proxy(store, {
    get(target, name) {
      const known = timed.get(name);
      if (known !== undefined) return known;
      const operation: unknown = Reflect.get(target, name);
      if (!isOperation(operation)) return operation;
      const wrapped = time(operation.bind(target), String(name), clock, metrics);
      timed.set(name, wrapped);
      return wrapped;
    },
  });
}

function isOperation(property: unknown): property is Operation {
  return typeof property === 'function';
}

function time(operation: Operation, name: string, clock: Clock, metrics: Metrics): Operation {
  return (...args) => {
    const startedMs = clock.elapsedMs();
    const observe = (outcome: string): void => {
      const seconds = (clock.elapsedMs() - startedMs) / 1000;
      metrics.store.observe({ operation: name, outcome }, seconds);
    };
    const result = operation(...args);
    if (result instanceof Promise) {
      result.then(
        () => observe('ok'),
        () => observe('failed'),
      );
    }
    return result;
  };
}
