/** The compiled tests run as they ship: plain ESM from dist, no transform. */
export default {
  rootDir: '.',
  roots: ['<rootDir>/dist/src', '<rootDir>/dist/conformance', '<rootDir>/dist/benchmark'],
  testMatch: ['**/*.test.js'],
  testPathIgnorePatterns: ['/node_modules/', '\\.interop\\.test\\.js$'],
  transform: {},
  testEnvironment: 'node',
  testTimeout: 20000,
};
