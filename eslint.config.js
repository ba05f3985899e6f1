/** What the compiler cannot say. Formatting is prettier's, so no rule here is about it. */
import eslint from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const GENERATED = [
  'dist',
  'target',
  'bindings/node/index.js',
  'bindings/node/index.d.ts',
  'test/.venv',
  'bench/results',
]

export default defineConfig(
  globalIgnores(GENERATED),
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Numbers in templates read better than String(n), and are never surprising.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // An entry of the operation table may be a plain function where its neighbours are asynchronous.
      '@typescript-eslint/require-await': 'off',
      // `() => map.clear()` is a sentence; braces around it say nothing.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // node:http and event emitters take async listeners; what they reject with is caught inside.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      // An index that the line above has made certain is said with `!`, where a check would be dead code.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Types are what callers promise; at the doors we check what they sent.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Hot loops count on purpose, and header names are data, not properties.
      '@typescript-eslint/prefer-for-of': 'off',
      '@typescript-eslint/dot-notation': 'off',
      // Rows of a table and verbs of a device are plain functions, whichever way their type is written.
      '@typescript-eslint/unbound-method': 'off',
      // A parameter that stands once, such as the name of an operation, still names the type for the reader.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // A type alias fits an index signature where an interface does not.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // An empty function is an answer: nothing to do. Which, its name says.
      '@typescript-eslint/no-empty-function': 'off',
      // A union may name a value that its other half covers, for the reader.
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      // Types computed from AWS's shapes ask whether an input may be left out.
      '@typescript-eslint/no-generated-empty-object-type': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      // Exhaustive switches over AWS's unions keep a new member from being forgotten.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    // Generated: an operation without an answer has the type void.
    files: ['src/model/kms.ts'],
    rules: { '@typescript-eslint/no-invalid-void-type': 'off' },
  },
  {
    // Tests read answers as whatever was sent, and put anything into a title.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        console: 'readonly',
        process: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'off',
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
    },
  },
  {
    // The service speaks through its log and its answers; only the program at the terminal prints.
    files: ['src/**/*.ts'],
    ignores: ['src/cli.ts'],
    rules: { 'no-console': 'error' },
  },
)
