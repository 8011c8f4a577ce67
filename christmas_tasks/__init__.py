"""The emails of a Christmas campaign: decided here, waited for by Kestra, sent by Resend, written down in Notion."""
