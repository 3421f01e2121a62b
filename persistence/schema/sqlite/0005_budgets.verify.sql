-- The abs of the smallest number overflows: so a migration that was not finished is an error.
SELECT CASE count(*) WHEN 1 THEN 1 ELSE abs(-9223372036854775807 - 1) END FROM llm_schema_meta WHERE version = 5 AND done = 1;

SELECT * FROM llm_budgets WHERE 0 = 1;

SELECT * FROM llm_budget_holds WHERE 0 = 1;
