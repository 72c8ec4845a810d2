// The versions of Node that this package runs on. Loaded before anything else, by a Node of any age: it
// imports nothing and keeps to the syntax of Node 12.

/** As in the package's `engines`. The proxy of a connection decides: `proxyEnv` of http.Agent came with
 *  22.21 and 24.5, and a Node without it goes past the proxy without a word. */
export const supportedNode = '^22.21 || >=24.5';

/** The sentence to end with on Node `version` ("20.20.2"); undefined where that is a supported one. */
export function nodeFault(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isSupported = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
  if (isSupported) return undefined;
  return `dragonfly-agent needs Node 22.21 or a later 22, or Node 24.5 or later; this is Node ${version}`;
}
