-- Divides by zero when the migration was not finished, and that is an error.
SELECT CASE count(*) WHEN 1 THEN 1 ELSE 1 / (count(*) - count(*)) END FROM llm_schema_meta WHERE version = 5 AND done = 1;

SELECT * FROM llm_budgets WHERE 0 = 1;

SELECT * FROM llm_budget_holds WHERE 0 = 1;
